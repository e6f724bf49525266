package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/backup"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/procedure"
	"github.com/getdrop/launchgate/internal/procedure/release"
	"github.com/getdrop/launchgate/internal/target/cloud"
)

// backupTime bounds the wait for the snapshot. Only the first one of an instance is a full copy. A role is good for an hour.
const backupTime = 45 * time.Minute

func backupCommand() *cobra.Command {
	return &cobra.Command{Use: "backup", Short: "Make the snapshot of the database before its migration, and wait for it",
		Long: "Makes the snapshot that TMinus3/Migration/BackupBefore asks for, in the half hour before the migration begins, and waits until it is available. One\n" +
			"that is there or under way is not made again. LAUNCH_EXECUTE must repeat the launch's id; without it nothing is made.\n" +
			"Exits 0 where the gate's claim holds, or where the launch migrates no database on AWS, 1 where it does not, 2 where nobody can tell, 3 for wrong usage.",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := launch.FromEnv()
			if err != nil {
				return err
			}
			if !l.Migration.Enabled || l.AWS.Account == "" {
				fmt.Fprintln(cmd.OutOrStdout(), "nothing to make: launch.yaml has migration.enabled false, or no aws.account; its gate needs a decision that says so")
				return nil
			}
			step := &procedure.Shared{}
			claim := step.Step("Snapshot", func() (*procedure.Procedure, error) { return backupOf(l, cmd.ErrOrStderr()) })
			result := probe.Run(context.WithoutCancel(cmd.Context()), "backup", claim)
			if err := step.Close(); err != nil {
				return err
			}
			return conclude(cmd.OutOrStdout(), []probe.Result{result}, false, nil)
		}}
}

// backupOf is the procedure of one step. RDS keeps a second snapshot from being made, and so the step may be done again.
func backupOf(l *launch.Launch, w io.Writer) (*procedure.Procedure, error) {
	b := &backup.Backup{Account: cloud.Of(l).Account, Instance: l.Database.Instance, Before: cloud.Before(l), Say: sayer(w)}
	return release.New(l, "Backup", b.Before.ID()+" for "+b.Before.Release,
		procedure.Step{Name: "Snapshot", Owner: string(l.Sections.Database), Repeatable: true, Timeout: backupTime,
			Says:         fmt.Sprintf("make the snapshot %s of %s, and wait for it", b.Before.ID(), l.Database.Instance),
			Precondition: b.There, Do: b.Make, Verify: b.Made})
}
