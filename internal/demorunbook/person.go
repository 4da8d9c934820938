package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/internal/cli"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// pawl is the command line in this world.
type pawl struct {
	world   *world
	verbose bool
	said    bytes.Buffer // everything that it printed
}

// run runs a command and gives its exit status and what it printed.
func (p *pawl) run(in string, args ...string) (int, string) {
	var out, errs bytes.Buffer
	outs, told := io.Writer(&out), io.Writer(&errs)
	if p.verbose {
		fmt.Printf("$ pawl %s\n", strings.Join(args, " "))
		outs, told = io.MultiWriter(&out, os.Stdout), io.MultiWriter(&errs, os.Stdout)
	}
	a := &cli.App{Streams: &cli.Streams{In: strings.NewReader(in), Out: outs, Err: told}, Registry: all.Drivers(),
		Transport: p.world, Dial: p.world.Dial, Now: p.world.now, Sleep: p.world.sleep}
	code := cli.Run(append(args, "--file", p.world.file), a)
	text := errs.String() + out.String()
	p.said.WriteString(text)
	if out.Len() > 0 && strings.Contains(strings.Join(args, " "), "--json") {
		return code, out.String()
	}
	return code, text
}

// The exit statuses that matter here (docs/use/exit-codes.md).
const (
	exitFailed  = 1
	exitPending = 3
	exitHeld    = 5
)

// adopt gives pawl every value in place, before anything has rotated.
func (p *pawl) adopt() error {
	for _, name := range saas.Names() {
		value, ok := p.world.inPlace(name)
		if !ok {
			continue
		}
		if code, out := p.run(value, "provide", name, "--current"); code != 0 {
			return fmt.Errorf("provide %s --current gives %d: %s", name, code, out)
		}
	}
	return nil
}

// rotate rotates a secret, and answers what is asked until the rotation has
// ended.
func (p *pawl) rotate(ctx context.Context, name string, flags ...string) (result, error) {
	var r result
	if at := p.world.opens(name); at.After(p.world.now()) {
		if code, out := p.run("", "rotate", name); code == 0 {
			return r, fmt.Errorf("it rotated outside its window: %s", out)
		}
		if err := p.world.sleep(ctx, at); err != nil {
			return r, err
		}
		r.asked = append(r.asked, "came back in the window")
	}
	if name == saas.ResendFrom {
		if err := p.tryUnverified(name); err != nil {
			return r, err
		}
		r.asked = append(r.asked, "tried a domain that is not verified, and was refused before anything was written")
	}
	code, out := p.run("", append([]string{"rotate", name}, flags...)...)
	for range 20 {
		switch {
		case code == 0:
			r.outcome = done
			return r, nil
		case name == saas.ActionsToken:
			r.outcome, r.why = refused, why(out)
			return r, nil
		case code != exitHeld && code != exitPending:
			return r, fmt.Errorf("status %d: %s", code, out)
		}
		what, err := p.answer(name)
		if err != nil {
			return r, fmt.Errorf("%w: %s", err, out)
		}
		r.asked = append(r.asked, what)
		code, out = p.run("", "resume", name)
	}
	return r, fmt.Errorf("it asks again and again: %s", out)
}

// tryUnverified sets an address whose domain is not verified, which must be
// refused with nothing written.
func (p *pawl) tryUnverified(name string) error {
	before := p.world.Stored(name)
	if code, out := p.run("", "rotate", name); code != exitHeld {
		return fmt.Errorf("rotate does not ask for the address: status %d: %s", code, out)
	}
	if code, out := p.run("Molecule AI <hello@"+saas.OtherDomain+">\n", "provide", name); code != 0 {
		return fmt.Errorf("provide gives %d: %s", code, out)
	}
	if code, out := p.run("", "resume", name); code != exitFailed {
		return fmt.Errorf("an address of an unverified domain ends with status %d: %s", code, out)
	}
	if p.world.Stored(name) != before {
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
func (p *pawl) answer(name string) (string, error) {
	code, out := p.run("", "status", name, "--json")
	if code != 0 {
		return "", fmt.Errorf("status gives %d: %s", code, out)
	}
	var st standing
	if err := json.Unmarshal([]byte(out), &st); err != nil {
		return "", err
	}
	switch {
	case strings.Contains(st.Next, "pawl provide"):
		value, what := p.world.mint(name, st.Why)
		if code, out = p.run(value+"\n", "provide", name); code != 0 {
			return "", fmt.Errorf("provide gives %d: %s", code, out)
		}
		return what, nil
	case strings.Contains(st.Next, "--credential"):
		if code, out = p.run("", "approve", name, "--credential", p.world.IDs[name]); code != 0 {
			return "", fmt.Errorf("approve gives %d: %s", code, out)
		}
		return "named the old credential", nil
	case strings.Contains(st.Next, "pawl approve"):
		if err := p.world.do(st.Why); err != nil {
			return "", err
		}
		if code, out = p.run("", "approve", name); code != 0 {
			return "", fmt.Errorf("approve gives %d: %s", code, out)
		}
		return "approved: " + st.Why, nil
	default:
		return "", fmt.Errorf("the person does not know what to do: why %q, next %q", st.Why, st.Next)
	}
}

// do does what a task asks for, before it is said to be done.
func (w *world) do(task string) error {
	if !strings.Contains(task, "Provision every tenant anew") {
		return nil
	}
	for _, slug := range w.Tenants() {
		req, err := http.NewRequest(http.MethodPost, "https://"+saas.Host+"/cp/orgs/"+slug+"/reprovision", nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+w.Admin["cp"])
		resp, err := w.vendors.RoundTrip(req)
		if err != nil {
			return err
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("provisioning %s anew is answered with %d", slug, resp.StatusCode)
		}
		w.Neon.Finish() // the person waits until the branch is there
	}
	return nil
}

// why is the reason in a refusal.
func why(out string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	return line
}

// inPlace gives what a person pastes as the value in place before the first
// rotation, a line for each part.
func (w *world) inPlace(name string) (string, bool) {
	switch name {
	case saas.ActionsToken:
		return "", false
	case saas.DatabaseURL, saas.RedisURL:
		return login(w.Stored(name)), true
	case saas.AnthropicKey:
		return w.First[name] + "\n", true
	default:
		return w.Stored(name) + "\n", true
	}
}

// opens is when the window of a secret opens: ANTHROPIC_API_KEY's next Sunday
// at two.
func (w *world) opens(name string) time.Time {
	if name != saas.AnthropicKey {
		return time.Time{}
	}
	at := w.now().Truncate(24 * time.Hour).Add(2 * time.Hour)
	for at.Weekday() != time.Sunday || at.Before(w.now()) {
		at = at.Add(24 * time.Hour)
	}
	return at
}

// mint makes at the vendor what only a person can make there.
func (w *world) mint(name, asked string) (value, what string) {
	switch name {
	case saas.StripeKey:
		return w.Stripe.RollKey(w.Stored(name), 7*24*time.Hour), "rolled the key in Stripe's dashboard"
	case saas.WebhookSecret:
		return w.Stripe.RollSecret(saas.Endpoint, 24*time.Hour), "rolled the signing secret in Stripe's dashboard"
	case saas.AnthropicKey:
		_, value = w.Anthropic.CreateKey(anthropic.Key{Name: proposed(asked)})
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
