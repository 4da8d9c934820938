package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
	file    string
	verbose bool
	said    bytes.Buffer // everything that it printed
}

// run runs a command and gives its exit status and what it printed.
func (p *pawl) run(in string, args ...string) (int, string) {
	var out, errs bytes.Buffer
	a := &cli.App{Streams: &cli.Streams{In: strings.NewReader(in), Out: &out, Err: &errs}, Registry: all.Drivers(),
		Transport: p.world, Dial: p.world.Dial, Now: p.world.now, Sleep: p.world.sleep}
	code := cli.Run(append(args, "--file", p.file), a)
	text := errs.String() + out.String()
	p.said.WriteString(text)
	if p.verbose {
		fmt.Printf("$ pawl %s\n%s", strings.Join(args, " "), text)
	}
	if out.Len() > 0 && strings.Contains(strings.Join(args, " "), "--json") {
		return code, out.String()
	}
	return code, text
}

// names lists the secrets in the runbook's order.
func names() []string {
	return []string{saas.FlyToken, saas.NeonKey, saas.DatabaseURL, saas.RedisURL, saas.EncryptionKey, saas.ResendKey, saas.ResendFrom,
		saas.StripeKey, saas.WebhookSecret, "GITHUB_TOKEN", saas.AnthropicKey}
}

// The exit statuses that matter here (docs/use/exit-codes.md).
const (
	exitPending = 3
	exitHeld    = 5
)

// rotate gives pawl the value in place, rotates, and answers what is asked
// until the rotation has ended.
func (p *pawl) rotate(ctx context.Context, name string) (result, error) {
	var r result
	if value, ok := p.world.inPlace(name); ok {
		if code, out := p.run(value, "provide", name, "--current"); code != 0 {
			return r, fmt.Errorf("provide --current gives %d: %s", code, out)
		}
	}
	if at := p.world.opens(name); at.After(p.world.now()) {
		if code, out := p.run("", "rotate", name); code == 0 {
			return r, fmt.Errorf("it rotated outside its window: %s", out)
		}
		if err := p.world.sleep(ctx, at); err != nil {
			return r, err
		}
		r.asked = append(r.asked, "came back in the window")
	}
	code, out := p.run("", "rotate", name)
	for range 20 {
		switch {
		case code == 0:
			r.outcome = done
			return r, nil
		case name == "GITHUB_TOKEN":
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
		if code, out = p.run("", "approve", name); code != 0 {
			return "", fmt.Errorf("approve gives %d: %s", code, out)
		}
		return "approved: " + st.Why, nil
	default:
		return "", fmt.Errorf("the person does not know what to do: why %q, next %q", st.Why, st.Next)
	}
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
	case "GITHUB_TOKEN":
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
