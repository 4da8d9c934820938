package demo

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/internal/person"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/saas"
	"github.com/pawlhq/pawl/vendorsim/stripe"
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
	minted := kill{"after the mint, before its answer", func() bool { return d.alive(name) > 1 }}
	switch name {
	case saas.FlyToken:
		return []kill{minted, {"between the two writes, before an answer", func() bool { return s.AtFly() != s.Token && s.AtGitHub() == s.Token }}}
	case saas.WebhookSecret: // a person minted it
		return []kill{{"after the write at Fly.io, before its answer", func() bool { v, _ := s.Fly.SecretValue(saas.App, name); return v != s.First[name] }}}
	default:
		return []kill{minted}
	}
}

// alive counts what an issuer accepts of a secret.
func (d *Demo) alive(name string) int {
	n := 0
	switch name {
	case saas.FlyToken:
		n = len(d.system.LiveDeployTokens())
	case saas.NeonKey:
		n = count(d.system.Neon.Keys(), func(k neon.KeyState) bool { return k.RevokedAt.IsZero() })
	case saas.ResendKey:
		n = count(d.system.Resend.Keys(), func(k resend.KeyState) bool { return k.DeletedAt.IsZero() }) - 1 // pawl's own is one
	case saas.WebhookSecret:
		for _, e := range d.system.Stripe.Endpoints() {
			n += len(e.Secrets)
		}
	}
	return n
}

func count[T any](list []T, ok func(T) bool) int {
	n := 0
	for _, v := range list {
		if ok(v) {
			n++
		}
	}
	return n
}

// oldAccepted asks the issuer about the first version.
func (d *Demo) oldAccepted(name string) bool {
	s, old := d.system, d.system.First[name]
	switch name {
	case saas.FlyToken:
		return s.Fly.TokenAccepted(old)
	case saas.NeonKey:
		return s.Neon.KeyAccepted(old)
	case saas.ResendKey:
		return s.Resend.KeyAccepted(old)
	default:
		return slices.ContainsFunc(s.Stripe.Endpoints(), func(e stripe.EndpointState) bool { return slices.Contains(e.Secrets, old) })
	}
}

// wrong lists what is not as it must be once a rotation has ended: what the
// vendors say, and not pawl.
func (d *Demo) wrong(name string, r person.Result) []string {
	var list []string
	must := func(ok bool, what string) {
		if !ok {
			list = append(list, name+": "+what)
		}
	}
	now, _ := d.system.Fly.SecretValue(saas.App, name)
	must(r.Outcome == person.Done, "the rotation is "+r.Outcome)
	must(now != "" && now != d.system.First[name], "P2: the stored copy was not changed")
	for _, id := range d.system.Fly.Machines(saas.App) {
		v, _ := d.system.Fly.MachineEnv(saas.App, id, name)
		must(v == now, "P2: a machine runs with something else than what is stored")
	}
	must(!d.oldAccepted(name), "P3: the old one is accepted")
	must(d.alive(name) == 1, fmt.Sprintf("P3: %d are alive", d.alive(name)))
	must(name != saas.FlyToken || d.system.AtGitHub() == now, "P2: GitHub holds another one")
	return list
}

// conclude holds the rest of the truth against the promises.
func (d *Demo) conclude(ctx context.Context, r *Result) error {
	r.Requests, r.Failed = d.load.so()
	if r.Failed > 0 {
		first, _, _ := strings.Cut(d.load.failures.Error(), "\n")
		r.broken = append(r.broken, fmt.Sprintf("%d requests of users failed: %s", r.Failed, first))
	}
	files, leaks, err := d.leaks()
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
	d.say("The vendors, asked directly: every old secret is refused: %t", !slices.ContainsFunc(rotated(), d.oldAccepted))
	d.say("The evidence verifies: %t   values found in %d files and all output: %d", code == 0, files, len(leaks))
	d.say("Users made %d requests, and %d failed", r.Requests, r.Failed)
	d.say("Left out: %s:", strings.Join(r.LeftOut, ", "))
	d.say("they need PostgreSQL and Redis; make demo-saas, with both, rotates all\n")
	return nil
}

// leaks searches what pawl printed and kept, and what the programs logged, for
// every value that was ever made.
func (d *Demo) leaks() (files int, found []string, err error) {
	texts := map[string][]byte{"pawl's output": d.heard.Bytes()}
	for _, app := range []string{saas.App, d.tenant.App()} {
		texts["the log of "+app] = []byte(strings.Join(d.system.Fly.LogLines(app), "\n"))
	}
	err = filepath.WalkDir(filepath.Join(d.system.Dir, ".pawl"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		texts[e.Name()], err = os.ReadFile(path)
		return err
	})
	for where, text := range texts {
		for _, value := range d.system.Values() {
			if len(value) > 8 && !strings.HasPrefix(value, "sqlite:") && bytes.Contains(text, []byte(value)) {
				found = append(found, where)
			}
		}
	}
	slices.Sort(found)
	return files, slices.Compact(found), err
}
