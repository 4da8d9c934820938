package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pawlhq/pawl/internal/person"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// watch holds P1: at no instant is a consumer without a version that works. It
// asks the truth, not pawl.
type watch struct {
	w *world

	mu     sync.Mutex
	broken []string
}

// look asks every consumer. Each kind of failure counts once.
func (l *watch) look(when string) {
	l.w.mu.Lock()
	beside := l.w.programs
	l.w.mu.Unlock()
	if beside != nil {
		if err := beside.follow(); err != nil {
			l.mu.Lock()
			l.broken = append(l.broken, err.Error())
			l.mu.Unlock()
		}
	}
	for _, what := range l.w.Failing() {
		what = "P1: " + what
		l.mu.Lock()
		if !slices.ContainsFunc(l.broken, func(s string) bool { return strings.HasPrefix(s, what) }) {
			l.broken = append(l.broken, what+" after "+when)
		}
		l.mu.Unlock()
	}
}

// take gives what was broken since the last time.
func (l *watch) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.broken
	l.broken = nil
	return list
}

// wrong lists what is not as it must be once a rotation has ended.
func (w *world) wrong(name string, r result) []string {
	var list []string
	must := func(ok bool, what string) {
		if !ok {
			list = append(list, what)
		}
	}
	if name == saas.ActionsToken {
		must(r.Outcome == person.Refused, "it was rotated although it never may")
		return list
	}
	must(r.Outcome == person.Done, "the rotation is not done")
	old := w.First[name]
	if name == saas.AnthropicKey {
		for _, slug := range w.Tenants() {
			must(w.GlobalKey(slug) != old && w.Anthropic.Accepted(w.GlobalKey(slug)), "P2: the platform of "+slug+" has not the new key")
		}
		must(w.Anthropic.Status(w.IDs[name]) == "archived", "P3: the old key is "+w.Anthropic.Status(w.IDs[name]))
		return list
	}
	must(w.Stored(name) != old && w.Stored(name) != "", "P2: the control plane's copy was not changed")
	must(w.Running(saas.App, name) == w.Stored(name), "P2: the machines run with something else than what is stored")
	return append(list, w.ended(name, old)...)
}

// ended lists what is wrong about the old value and about what was made beside
// the new one.
func (w *world) ended(name, old string) []string {
	var list []string
	must := func(ok bool, what string) {
		if !ok {
			list = append(list, what)
		}
	}
	switch name {
	case saas.FlyToken:
		must(!w.Fly.TokenAccepted(old), "P3: the old token is accepted")
		must(w.AtGitHub() == w.Stored(name), "P2: GitHub and Fly hold different tokens")
		must(len(w.LiveDeployTokens()) == 1, "P7: there is more than one token")
	case saas.NeonKey:
		must(!w.Neon.KeyAccepted(old), "P3: the old key is accepted")
		must(count(w.Neon.Keys(), func(k neon.KeyState) bool { return k.RevokedAt.IsZero() }) == 1, "P7: there is more than one key")
	case saas.DatabaseURL:
		must(w.db.login(old) != nil, "P3: the old login works")
	case saas.RedisURL:
		must(w.redisLogin(old) != nil, "P3: the old login works")
		for _, slug := range w.Tenants() {
			must(w.Running(saas.TenantPrefix+slug, saas.TenantRedis) == w.Stored(name), "P2: the tenant "+slug+" runs with something else")
		}
	case saas.EncryptionKey:
		must(w.OldRows(old) == 0, "P2: a row is left under the old key")
		left, err := w.db.rows.not(w.Stored(name))
		must(err == nil && left == 0, fmt.Sprintf("P2: %d rows are not under the new key, by the database's own count (%v)", left, err))
		for _, app := range w.OpensWith(old) {
			must(false, "P3: "+app+" still opens rows with the old key")
		}
	case saas.ResendKey:
		must(!w.Resend.KeyAccepted(old), "P3: the old key is accepted")
		must(count(w.Resend.Keys(), func(k resend.KeyState) bool { return k.DeletedAt.IsZero() }) == 2, "P7: there are keys beside the new one and pawl's own")
	case saas.StripeKey:
		must(!w.Stripe.KeyAccepted(old), "P3: the old key is accepted")
	case saas.WebhookSecret:
		must(!w.Signs(old), "P3: Stripe still signs with the old secret")
		must(w.TakesEvents(), "P2: an event was refused")
	}
	return list
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

// leaks searches what pawl printed and kept for every value that was ever made.
func (w *world) leaks(p *pawl) []string {
	texts := map[string]string{"its output": p.said.String()}
	err := filepath.WalkDir(filepath.Join(w.dir, ".pawl"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		texts[filepath.Base(path)] = string(b)
		return err
	})
	if err != nil {
		return []string{err.Error()}
	}
	var list []string
	for where, text := range texts {
		for i, value := range w.values() {
			if strings.Contains(text, value) {
				list = append(list, fmt.Sprintf("value %d is in %s", i, where))
			}
		}
	}
	return list
}

// values lists every value that was ever made.
func (w *world) values() []string {
	list := append(w.Values(), w.upstash.Issued()...)
	list = append(list, w.db.admin)
	for _, name := range saas.Names() {
		list = append(list, w.First[name], w.Stored(name))
	}
	return slices.DeleteFunc(list, func(v string) bool { return v == "" || strings.Contains(v, "@"+saas.MailDomain) })
}
