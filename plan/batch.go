package plan

import (
	"fmt"
	"slices"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// Batch is what rotates in one rotation: one secret, or a whole group.
type Batch struct {
	Secrets []pawl.SecretName
	Group   string // "" for a single secret
	After   []int  // indexes of batches that must be done first
}

// Batches arranges secrets into rotations: members of a group join into one,
// and the estate's order between secrets becomes an order between batches.
// Naming one member of a group names them all.
func Batches(e *estate.Estate, names []pawl.SecretName) ([]Batch, error) {
	groups := map[pawl.SecretName]*estate.Group{}
	for i := range e.Groups {
		for _, member := range e.Groups[i].Secrets {
			groups[member] = &e.Groups[i]
		}
	}
	var batches []Batch
	at := map[pawl.SecretName]int{}
	for _, name := range names {
		if _, ok := e.Secret(name); !ok {
			return nil, unknown(e, name)
		}
		if _, ok := at[name]; ok {
			continue
		}
		b := Batch{Secrets: []pawl.SecretName{name}}
		if g := groups[name]; g != nil {
			b = Batch{Secrets: g.Secrets, Group: g.Name}
		}
		for _, member := range b.Secrets {
			at[member] = len(batches)
		}
		batches = append(batches, b)
	}
	order(e, batches, at)
	return batches, circle(batches)
}

// circle refuses batches that wait for each other. The estate has no circle of
// secrets, but a group that joins two may close one.
func circle(batches []Batch) error {
	done := make([]bool, len(batches))
	for moved := true; moved; {
		moved = false
		for i := range batches {
			if !done[i] && !slices.ContainsFunc(batches[i].After, func(j int) bool { return !done[j] }) {
				done[i], moved = true, true
			}
		}
	}
	stuck := slices.Index(done, false)
	if stuck < 0 {
		return nil
	}
	return &pawl.Error{Code: pawl.CodeInvalid, Op: "plan", On: fmt.Sprint(batches[stuck].Secrets), Why: "it waits for itself: `after` and groups of the estate contradict each other",
		Next: "remove one `after` between members of groups and other secrets"}
}

func order(e *estate.Estate, batches []Batch, at map[pawl.SecretName]int) {
	for i := range batches {
		for _, name := range batches[i].Secrets {
			s, _ := e.Secret(name) // groups name secrets of the estate
			for _, first := range s.After {
				if j, ok := at[first]; ok && j != i && !slices.Contains(batches[i].After, j) {
					batches[i].After = append(batches[i].After, j)
				}
			}
		}
	}
}

// unknown says that the estate has no such secret.
func unknown(e *estate.Estate, name pawl.SecretName) error {
	return &pawl.Error{Code: pawl.CodeNotFound, Op: "plan", On: string(name), Why: "the estate has no such secret", Next: nearest(e, name)}
}

// nearest suggests what the reader may have meant: the environments of a
// secret that was named without one, or the command that lists them all.
func nearest(e *estate.Estate, name pawl.SecretName) string {
	var instances []pawl.SecretName
	for i := range e.Secrets {
		if s := &e.Secrets[i]; s.Environment != "" && s.Name == name+"@"+pawl.SecretName(s.Environment) {
			instances = append(instances, s.Name)
		}
	}
	if len(instances) > 0 {
		return fmt.Sprintf("name one of %v", instances)
	}
	return "pawl status lists the estate's secrets"
}
