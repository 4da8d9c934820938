package demo

import (
	"slices"

	"github.com/pawlhq/pawl/plan"
)

// Ended lists the acts of steps that were to be shown of each secret whose
// progress is shown in short, and the titles of those that never were.
func (d *Demo) Ended() (acts [][]plan.Act, unseen []string) {
	for _, s := range d.shorts {
		var list []plan.Act
		for title, act := range s.told {
			list = append(list, act)
			if !slices.Contains(s.shown, title) {
				unseen = append(unseen, title)
			}
		}
		acts = append(acts, list)
	}
	return acts, unseen
}
