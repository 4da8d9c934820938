package all_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// TestManual holds what a person is told to do in pawl's place: it is about
// acts that the kind has, each of them is told, and it is filled by the kind's
// settings and those of its connection, with nothing left open.
func TestManual(t *testing.T) {
	for _, d := range all.Drivers() {
		info := d.Info()
		for _, k := range info.Kinds {
			name := info.Name + " " + string(k.Role) + " " + k.Name
			for _, act := range actsOf(k) {
				if k.Manual[act] == "" {
					t.Errorf("%s: nothing tells how a person does %q", name, act)
				}
			}
			for act := range k.Manual {
				if !slices.Contains(actsOf(k), act) && !(act == "revoke" && k.Issuer != nil) { // a person can end a credential where no call can
					t.Errorf("%s: the kind has no act %q", name, act)
				}
				for _, whole := range []bool{true, false} {
					text, err := k.Manual.Text(act, sampleData(whole, info.Connection, k))
					if err != nil || text == "" || strings.Contains(text, "<no value>") {
						t.Errorf("%s: %v: %s", name, err, text)
						continue
					}
					typed(t, name+" "+act, text)
				}
			}
		}
	}
}

// actsOf lists what is done at a kind, as its facts have it.
func actsOf(k estate.Kind) []string {
	acts := map[estate.Role][]string{estate.RoleIssuer: {"mint"}, estate.RoleLocation: {"put"}, estate.RoleCheck: {"check"}, estate.RoleDiscovery: {"discover"}, estate.RoleActivation: {k.Name}}[k.Role]
	if k.Issuer != nil && k.Issuer.Revokes {
		acts = append(acts, "revoke")
	}
	if k.Issuer != nil && k.Issuer.Deactivates {
		acts = append(acts, "deactivate")
	}
	if k.Location != nil {
		for _, a := range k.Location.Activations {
			acts = append(acts, a.Kind)
		}
	}
	return acts
}

// typed holds that a text is a sentence, or commands that a shell can read.
func typed(t *testing.T, name, text string) {
	if estate.IsSentence(text) {
		if strings.Contains(text, "\n") {
			t.Errorf("%s: a sentence has one line: %s", name, text)
		}
		return
	}
	programs := []string{"$EDITOR", "./keystore.sh", "LC_ALL=C", "PGSSLMODE=verify-full", "curl", "flyctl", "for", "gh", "openssl", "pawl", "promtool", "psql", "read", "redis-cli", "stripe", "tail"}
	for line := range strings.Lines(text) {
		first, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !slices.Contains(programs, first) {
			t.Errorf("%s: %q is none of the programs that people are told to run", name, first)
		}
	}
	if strings.Contains(text, `"!`) {
		t.Errorf("%s: bash takes an exclamation mark in double quotes for its history: %s", name, text)
	}
	out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", text).CombinedOutput() // read -s is not POSIX, and is in every shell that people use
	if err != nil {
		t.Errorf("%s: the shell cannot read it: %v: %s\n%s", name, err, out, text)
	}
}

// sampleData gives every field a value with what breaks a command line, or
// where they are not whole the zero of those that an estate may leave out.
func sampleData(whole bool, connection []estate.Field, k estate.Kind) map[string]any {
	c := estate.Connection{Settings: sampleSettings(whole, connection)}
	if whole {
		c.Credential = estate.Reference{Scheme: "env", Rest: "TOKEN"}
	}
	return estate.ManualData(c, estate.Use{Facts: k, Settings: sampleSettings(whole, k.Fields)}, secret.Format{})
}

func sampleSettings(whole bool, fields []estate.Field) estate.Settings {
	data := estate.Settings{}
	for _, f := range fields {
		switch given := f.Required || whole; {
		case f.Default != nil:
			data[f.Name] = f.Default
		case f.Type == estate.List && given:
			data[f.Name] = []string{strings.Split(strings.Trim(f.Example, "[]"), ",")[0]}
		case f.Type == estate.Map && given:
			data[f.Name] = map[string]string{"key": "it's a | text"}
		case f.Type == estate.Integer && given:
			data[f.Name] = 200
		case f.Type == estate.Duration && given:
			data[f.Name] = time.Hour
		case f.Type == estate.Map, f.Type == estate.List, !given: // ManualData knows what is left out
		default:
			data[f.Name] = f.Example
		}
	}
	return data
}
