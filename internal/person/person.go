// Package person is somebody who rotates the secrets of examples/runbook with
// pawl's command line: who gives it the values in place, mints at the vendors
// what only a person can mint there, and answers what pawl asks, by the
// commands that any user has.
package person

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// Person is at the vendors' dashboards and at a terminal.
type Person struct {
	Vendors *saas.Vendors
	// Run runs pawl with what the person types, and gives its exit status and
	// what it printed.
	Run  func(in string, args ...string) (code int, out string)
	Now  pawl.Clock
	Wait func(ctx context.Context, until time.Time) error
	// Reprovision gives every tenant a new database; nil does nothing.
	Reprovision func() error
	// Before is called with what pawl asks before it is approved; nil does
	// nothing.
	Before func(why string) error
}

// Result is what became of one secret.
type Result struct {
	Outcome string
	Why     string
	Asked   []string // what the person was asked and did
}

// The outcomes of a secret.
const (
	Done    = "done"
	Refused = "refused"
)

// Wrong lists what is not as it must be once a secret has rotated: its outcome,
// and what a system tells, whose Wrong is asked. It is the vendors' truth and not
// pawl's.
func (r Result) Wrong(name string, truth func(name string) []string) []string {
	switch {
	case name == saas.ActionsToken && r.Outcome != Refused:
		return []string{"it was rotated although it never may"}
	case name == saas.ActionsToken:
		return nil
	case r.Outcome != Done:
		return append([]string{"the rotation is not done"}, truth(name)...)
	}
	return truth(name)
}

// The exit statuses that matter here (docs/use/exit-codes.md).
const (
	exitFailed  = 1
	exitPending = 3
	exitHeld    = 5
)

// Adopt gives pawl the values in place, before anything has rotated: those of
// some secrets, or of all where none is named.
func (p *Person) Adopt(names ...string) error {
	if len(names) == 0 {
		names = saas.Names()
	}
	for _, name := range names {
		value, ok := p.inPlace(name)
		if !ok {
			continue
		}
		if code, out := p.Run(value, "provide", name, "--current"); code != 0 {
			return fmt.Errorf("provide %s --current gives %d: %s", name, code, out)
		}
	}
	return nil
}

// Rotate rotates a secret, and answers what is asked until the rotation has
// ended.
func (p *Person) Rotate(ctx context.Context, name string, flags ...string) (Result, error) {
	var r Result
	if at := p.opens(name); at.After(p.Now()) {
		if code, out := p.Run("", "rotate", name); code == 0 {
			return r, fmt.Errorf("it rotated outside its window: %s", out)
		}
		if err := p.Wait(ctx, at); err != nil {
			return r, err
		}
		r.Asked = append(r.Asked, "came back in the window")
	}
	if name == saas.ResendFrom {
		if err := p.tryUnverified(name); err != nil {
			return r, err
		}
		r.Asked = append(r.Asked, "tried a domain that is not verified, and was refused before anything was written")
	}
	code, out := p.Run("", append([]string{"rotate", name}, flags...)...)
	for range 20 {
		switch {
		case code == 0:
			r.Outcome = Done
			return r, nil
		case name == saas.ActionsToken:
			r.Outcome, r.Why = Refused, why(out)
			return r, nil
		case code != exitHeld && code != exitPending:
			return r, fmt.Errorf("status %d: %s", code, out)
		}
		what, err := p.answer(name)
		if err != nil {
			return r, fmt.Errorf("%w: %s", err, out)
		}
		r.Asked = append(r.Asked, what)
		code, out = p.Run("", "resume", name)
	}
	return r, fmt.Errorf("it asks again and again: %s", out)
}

// tryUnverified sets an address whose domain is not verified, which must be
// refused with nothing written.
func (p *Person) tryUnverified(name string) error {
	before := p.Vendors.Stored(name)
	if code, out := p.Run("", "rotate", name); code != exitHeld {
		return fmt.Errorf("rotate does not ask for the address: status %d: %s", code, out)
	}
	if code, out := p.Run("Molecule AI <hello@"+saas.OtherDomain+">\n", "provide", name); code != 0 {
		return fmt.Errorf("provide gives %d: %s", code, out)
	}
	if code, out := p.Run("", "resume", name); code != exitFailed {
		return fmt.Errorf("an address of an unverified domain ends with status %d: %s", code, out)
	}
	if p.Vendors.Stored(name) != before {
		return errors.New("an address of an unverified domain was written")
	}
	return nil
}

// standing is what the person reads of `pawl status NAME --json`.
type standing struct {
	Next  string
	Why   string
	Steps []struct{ ID, Title, Status, Detail string }
}

// answer does what the rotation asks for, at the vendor and with pawl.
func (p *Person) answer(name string) (string, error) {
	code, out := p.Run("", "status", name, "--json")
	if code != 0 {
		return "", fmt.Errorf("status gives %d: %s", code, out)
	}
	var st standing
	if err := json.Unmarshal([]byte(out), &st); err != nil {
		return "", err
	}
	switch {
	case strings.Contains(st.Next, "pawl provide"):
		value, what := p.mint(name, st.Why)
		if code, out = p.Run(value+"\n", "provide", name); code != 0 {
			return "", fmt.Errorf("provide gives %d: %s", code, out)
		}
		return what, nil
	case strings.Contains(st.Next, "--credential"):
		if code, out = p.Run("", "approve", name, "--credential", p.Vendors.IDs[name]); code != 0 {
			return "", fmt.Errorf("approve gives %d: %s", code, out)
		}
		return "named the old credential", nil
	case strings.Contains(st.Next, "pawl approve"):
		if p.Before != nil {
			if err := p.Before(st.Why); err != nil {
				return "", err
			}
		}
		if err := p.do(st.Why); err != nil {
			return "", err
		}
		if code, out = p.Run("", "approve", name); code != 0 {
			return "", fmt.Errorf("approve gives %d: %s", code, out)
		}
		return "approved: " + st.Why, nil
	default:
		return "", fmt.Errorf("the person does not know what to do: why %q, next %q", st.Why, st.Next)
	}
}

// do does what a task asks for, before it is said to be done.
func (p *Person) do(task string) error {
	if p.Reprovision == nil || !strings.Contains(task, "Provision every tenant anew") {
		return nil
	}
	return p.Reprovision()
}

// why is the reason in a refusal.
func why(out string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	return line
}

// inPlace gives what a person pastes as the value in place before the first
// rotation, a line for each part.
func (p *Person) inPlace(name string) (string, bool) {
	switch name {
	case saas.ActionsToken:
		return "", false
	case saas.DatabaseURL, saas.RedisURL:
		return login(p.Vendors.Stored(name)), true
	case saas.AnthropicKey:
		return p.Vendors.First[name] + "\n", true
	default:
		return p.Vendors.Stored(name) + "\n", true
	}
}

// opens is when the window of a secret opens: ANTHROPIC_API_KEY's next Sunday
// at two.
func (p *Person) opens(name string) time.Time {
	if name != saas.AnthropicKey {
		return time.Time{}
	}
	at := p.Now().Truncate(24 * time.Hour).Add(2 * time.Hour)
	for at.Weekday() != time.Sunday || at.Before(p.Now()) {
		at = at.Add(24 * time.Hour)
	}
	return at
}

// mint makes at the vendor what only a person can make there.
func (p *Person) mint(name, asked string) (value, what string) {
	switch name {
	case saas.StripeKey:
		return p.Vendors.Stripe.RollKey(p.Vendors.Stored(name), 7*24*time.Hour), "rolled the key in Stripe's dashboard"
	case saas.WebhookSecret:
		return p.Vendors.Stripe.RollSecret(saas.Endpoint, 24*time.Hour), "rolled the signing secret in Stripe's dashboard"
	case saas.AnthropicKey:
		_, value = p.Vendors.Anthropic.CreateKey(anthropic.Key{Name: proposed(asked)})
		return value, "made a key in Anthropic's console"
	case saas.ResendFrom:
		return "Molecule AI <hello@" + saas.MailDomain + ">", "chose another address"
	default:
		return "", "knows of no way to make it"
	}
}

// proposed is the name that pawl asks the person to give a key.
func proposed(asked string) string {
	for word := range strings.FieldsSeq(asked) {
		if word = strings.Trim(word, `"'.,:;()`); strings.HasPrefix(word, "molecule-") {
			return word
		}
	}
	return "made-by-hand"
}

// login gives the user and the password of a URL, a line each.
func login(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return ""
	}
	password, _ := u.User.Password()
	return u.User.Username() + "\n" + password + "\n"
}
