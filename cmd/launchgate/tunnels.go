package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/target/database"
)

func tunnelsCommand() *cobra.Command {
	return &cobra.Command{Use: "tunnels", Short: "Print the tunnels to the database that launch.yaml wants to be open",
		Long: "Prints a line for each tunnel of database.sql, the primary's and those of replicas: the port on this machine, and the host and the port of the\n" +
			"connection string that it has to lead to. .github/tunnel.sh opens them.",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := launch.FromEnv()
			if err != nil {
				return err
			}
			all, err := database.Tunnels(cmd.Context(), l)
			if err != nil {
				return err
			}
			for _, t := range all {
				fmt.Fprintf(cmd.OutOrStdout(), "%d %s %d\n", t.Local, t.Host, t.Port)
			}
			return nil
		}}
}
