package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/stream"
	"github.com/getdrop/launchgate/internal/verdict"
)

func verdictCommand() *cobra.Command {
	var o outputs
	var phases []string
	cmd := &cobra.Command{
		Use: "verdict --phase TMinus5 [stream.json …]", Short: "Decide from test streams and evidence whether the launch may go on",
		Long: "Reads `go test -json` streams (default: what `launchgate run` kept for each phase; - is standard input) and the evidence in the\n" +
			"reports folder, compares both with the catalogue, and exits 0 for GO, 1 for NO-GO, 2 where it was not measured, 3 for wrong usage.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(phases) == 0 {
				return fmt.Errorf("verdict: want --phase with at least one phase; `launchgate list` shows them")
			}
			in, err := question(phases)
			if err != nil {
				return err
			}
			in.RefuseWaivers = o.waivers == "fail"
			if len(args) == 0 {
				for _, phase := range phases {
					args = append(args, streamFile(phase))
				}
			}
			for _, name := range args {
				s, err := readStream(cmd.InOrStdin(), name)
				if err != nil {
					return err
				}
				in.Streams = append(in.Streams, s)
			}
			return o.say(cmd.OutOrStdout(), verdict.Decide(in))
		},
	}
	o.flags(cmd)
	cmd.Flags().StringSliceVar(&phases, "phase", nil, "phase to decide, or phase/section; may be given more than once")
	return cmd
}

// readStream reads one kept stream. A file that is not there is a run that did not happen: every gate is then missing.
func readStream(stdin io.Reader, name string) (stream.Stream, error) {
	if name == "-" {
		return stream.Read(stdin, nil)
	}
	f, err := os.Open(name)
	if os.IsNotExist(err) {
		return stream.Stream{Damage: []string{"no stream at " + name}}, nil
	}
	if err != nil {
		return stream.Stream{}, err
	}
	defer f.Close()
	return stream.Read(f, nil)
}
