package exec

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// keystore gives a connection to the program of docs/formats/exec-protocol.md.
func keystore(t *testing.T) *conn {
	t.Helper()
	script, err := filepath.Abs("../../examples/exec/keystore.sh")
	if err != nil {
		t.Fatal(err)
	}
	return running(t, formLines, "sh", script, t.TempDir())
}

func TestKeystoreIssues(t *testing.T) {
	c, g := keystore(t), target("program")
	m, err := mint(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mint(c); driver.AsError("", err).Kind != driver.Conflict {
		t.Errorf("a second key of the same name gives %v", err)
	}
	list, err := c.List(t.Context(), g)
	if err != nil || len(list) != 1 || list[0].ID != m.Credential.ID || list[0].Name != "billing-v3" {
		t.Errorf("the list is %+v, %v", list, err)
	}
	verdicts := func(want driver.Verdict) {
		t.Helper()
		if got, err := c.Verify(t.Context(), g, m.Value); err != nil || got != want {
			t.Errorf("the key is %s, %v; want %s", got, err, want)
		}
	}
	verdicts(driver.Accepted)
	for range 2 {
		if err := c.Revoke(t.Context(), g, m.Credential, nil); err != nil {
			t.Error(err)
		}
	}
	verdicts(driver.Refused)
}

func TestKeystoreHolds(t *testing.T) {
	c, g := keystore(t), target("program")
	for _, text := range []string{"plain", "two\nlines\n", "\\n is no line break\\", `"quoted" $(id) %s`, "\n\n", "é=ü", "-n", "tab\tend "} {
		value := secret.NewString(text)
		if _, err := c.Put(t.Context(), driver.Write{Target: g, Value: value}); err != nil {
			t.Fatal(err)
		}
		got, ok, err := c.Read(t.Context(), g)
		if err != nil || !ok || !got.Equal(value) {
			t.Errorf("%q does not come back (ok=%v, %v)", text, ok, err)
		}
	}
	for range 2 {
		if err := c.Remove(t.Context(), g); err != nil {
			t.Error(err)
		}
	}
	if r, err := c.Stat(t.Context(), g); err != nil || r.Exists {
		t.Errorf("after the removal there is %+v, %v", r, err)
	}
}

func TestKeystoreChecksAndProbes(t *testing.T) {
	c, g := keystore(t), target("program")
	look := func(want driver.State) {
		t.Helper()
		if f, err := c.Check(t.Context(), driver.CheckRequest{Target: g}); err != nil || f.State != want {
			t.Errorf("the check is %+v, %v; want %s", f, err, want)
		}
	}
	look(driver.Failed)
	m, err := mint(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), driver.Write{Target: g, Value: m.Value[secret.Single]}); err != nil {
		t.Fatal(err)
	}
	look(driver.Passed)
	if p, err := c.Activate(t.Context(), driver.Activation{Target: g, Kind: "program"}); err != nil || !p.Done {
		t.Errorf("activate is %+v, %v", p, err)
	}
	for _, probed := range []driver.Target{{}, g} {
		if grants, err := c.Probe(t.Context(), probed); err != nil || len(grants) != 1 || grants[0].Has != driver.Yes {
			t.Errorf("probe of %q gives %+v, %v", probed.Kind, grants, err)
		}
	}
}

func TestKeystoreRefusesHostileNames(t *testing.T) {
	c := keystore(t)
	for _, name := range []string{"", ".", "..", "../up", "a/b", "a\nb", "a\x1bb", strings.Repeat(".", 3)} {
		g := driver.Target{Kind: "program", Settings: estate.Settings{"target": name}}
		_, err := c.Put(t.Context(), driver.Write{Target: g, Value: secret.NewString(canary)})
		wantError(t, err, driver.Invalid, pawl.EffectNone, "cannot be a file name")
	}
}
