package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/backup"
	"github.com/getdrop/launchgate/internal/drill"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/target/cloud"
)

func iamPolicyCommand() *cobra.Command {
	var rollback, drills, backups bool
	cmd := &cobra.Command{
		Use: "iam-policy [--rollback | --drill | --backup]", Short: "Print the least IAM policy that the gates need",
		Long: "Prints the IAM policy with which the gates of this launch can look at everything that launch.yaml names, and do nothing else. It is made\n" +
			"of what the probes declare; a probe cannot call what it does not declare. --rollback prints the policy of the rollback job's role, --drill that\n" +
			"of the role that launchgate drill has, and --backup that of the role that launchgate backup has.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := launch.FromEnv()
			if err != nil {
				return err
			}
			if l.AWS.Account == "" {
				return fmt.Errorf("iam-policy: want the account that everything runs in; got no aws.account in launch.yaml; add it")
			}
			policy := cloud.GatesPolicy(l)
			switch {
			case rollback:
				policy = cloud.RollbackPolicy(l)
			case drills:
				policy = cloud.CommandPolicy(l, drill.Needs)
			case backups:
				policy = cloud.CommandPolicy(l, backup.Needs)
			}
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			encoder.SetEscapeHTML(false)
			return encoder.Encode(policy)
		},
	}
	cmd.Flags().BoolVar(&rollback, "rollback", false, "the policy of the rollback job's role instead")
	cmd.Flags().BoolVar(&drills, "drill", false, "the policy of the role that drills of the database's recovery have instead")
	cmd.Flags().BoolVar(&backups, "backup", false, "the policy of the role that makes the snapshot before the migration instead")
	cmd.MarkFlagsMutuallyExclusive("rollback", "drill", "backup")
	return cmd
}
