package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/catalogue"
)

// decisionProblems finds rejections of what is selected, which may be newer than the run, and decisions about a gate that
// does not exist: nobody would act on them.
func (j *judge) decisionProblems() []Problem {
	if j.Launch == nil {
		return nil
	}
	var list []Problem
	for _, d := range j.Launch.Rejections() {
		if slices.ContainsFunc(j.selected, func(g catalogue.Gate) bool { return within(g.ID, d.Gate) }) {
			list = append(list, problem("rejected", "", d.Gate+" approved", fmt.Sprintf("it rejected by %s at %s: %s (%s)", d.Person, stamp(d.Signed.Time), d.Reason, d.File),
				"settle the reason, then let them approve it"))
		}
	}
	for _, d := range j.decisions {
		phase, _, _ := strings.Cut(d.Gate, "/")
		selected := slices.ContainsFunc(j.selected, func(g catalogue.Gate) bool { return g.Phase == phase })
		known := slices.ContainsFunc(j.Catalogue, func(g catalogue.Gate) bool { return within(g.ID, d.Gate) })
		if selected && !known && d.Environment == j.Launch.Environment {
			list = append(list, problem("decision.unknown", "", "decisions about gates and sections of the catalogue", fmt.Sprintf("%q in %s", d.Gate, d.File), "correct the id; `launchgate list` shows all"))
		}
	}
	return list
}
