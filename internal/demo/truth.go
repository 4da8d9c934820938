package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/saas"
)

// kill is an instant at which pawl is killed: a vendor has carried out a call
// of its, and has not answered.
type kill struct {
	what     string
	happened func() bool
}

// worst gives the instants for a secret, in their order.
func (d *Demo) worst(name string) []kill {
	s := d.system
	minted := kill{"after the mint, before its answer", func() bool { return len(s.Alive(name)) > 1 }}
	switch name {
	case saas.FlyToken:
		return []kill{minted, {"between the two writes, before an answer", func() bool { return s.AtFly() != s.Token && s.AtGitHub() == s.Token }}}
	case saas.WebhookSecret: // a person minted it
		return []kill{{"after the write at Fly.io, before its answer", func() bool { return s.Stored(name) != s.First[name] }}}
	default:
		return []kill{minted}
	}
}

// conclude holds the rest of the truth against the promises.
func (d *Demo) conclude(ctx context.Context, r *Result) error {
	r.Requests, r.Failed = d.users.SoFar()
	if r.Failed > 0 {
		r.broken = append(r.broken, fmt.Sprintf("%d requests of users failed, the first of them: %v", r.Failed, d.users.First()))
	}
	searched, leaks, err := d.system.Leaks(d.heard.Bytes(), filepath.Join(d.system.Dir, ".pawl"))
	if err != nil {
		return err
	}
	for _, where := range leaks {
		r.broken = append(r.broken, "P4: a value is in "+where)
	}
	code, out := d.run(ctx, "", []string{"evidence", "verify"})
	if code != 0 {
		r.broken = append(r.broken, "the evidence does not verify: "+strings.TrimSpace(out))
	}
	r.Promises.Violations = len(r.broken)
	refused := !slices.ContainsFunc(rotated(), func(name string) bool { return d.system.Accepted(name, d.system.First[name]) })
	d.say("The vendors, asked directly: every old secret is refused: %t", refused)
	d.say("The evidence verifies: %t   values found in %d files, logs and outputs: %d", code == 0, searched, len(leaks))
	d.say("Users made %d requests, and %d failed", r.Requests, r.Failed)
	for _, line := range leftOut(r.Missing) {
		d.say("%s", line)
	}
	d.say("")
	return nil
}
