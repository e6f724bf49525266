package main

import (
	"errors"
	"io"
	"os"
	"slices"

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
				return errors.New("verdict: want --phase with at least one phase; `launchgate list` shows them")
			}
			in, err := o.question(once(phases))
			if err != nil {
				return err
			}
			if len(args) == 0 {
				for _, phase := range in.Select {
					args = append(args, kept("stream", phase+".json"))
				}
			}
			for _, name := range args {
				in.Streams = append(in.Streams, readStream(cmd.InOrStdin(), name))
			}
			return o.say(cmd.OutOrStdout(), verdict.Decide(in))
		},
	}
	o.flags(cmd)
	cmd.Flags().StringSliceVar(&phases, "phase", nil, "phase to decide, or phase/section; may be given more than once")
	return cmd
}

// once leaves out what is said a second time.
func once(words []string) []string {
	var list []string
	for _, word := range words {
		if !slices.Contains(list, word) {
			list = append(list, word)
		}
	}
	return list
}

// readStream reads one kept stream. One that cannot be read is a run that did not happen: its gates are then missing.
func readStream(stdin io.Reader, name string) stream.Stream {
	from := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return stream.Stream{Damage: []string{err.Error()}}
		}
		defer f.Close()
		from = f
	}
	s, _ := stream.Read(from, nil) // the error stands among the stream's damage
	return s
}
