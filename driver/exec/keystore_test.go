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
	list, err := c.List(t.Context(), g)
	if err != nil || len(list) != 1 || list[0].ID != m.Credential.ID || list[0].Name != "billing-v3" {
		t.Errorf("the list is %+v, %v", list, err)
	}
	verdict(t, c, g, m.Value, driver.Accepted)
	for range 2 {
		if err := c.Revoke(t.Context(), g, m.Credential, nil); err != nil {
			t.Error(err)
		}
	}
	verdict(t, c, g, m.Value, driver.Refused)
}

func TestKeystoreReplaces(t *testing.T) {
	c, g := keystore(t), target("program_replaced")
	old, err := c.Mint(t.Context(), driver.MintRequest{Target: g})
	if err != nil {
		t.Fatal(err)
	}
	verdict(t, c, g, old.Value, driver.Accepted)
	fresh, err := c.Mint(t.Context(), driver.MintRequest{Target: g, Old: &old.Credential, OldValue: old.Value})
	if err != nil {
		t.Fatal(err)
	}
	verdict(t, c, g, old.Value, driver.Refused)
	verdict(t, c, g, fresh.Value, driver.Accepted)
}

func verdict(t *testing.T, c *conn, g driver.Target, value secret.Parts, want driver.Verdict) {
	t.Helper()
	if got, err := c.Verify(t.Context(), g, value); err != nil || got != want {
		t.Errorf("the key is %s, %v; want %s", got, err, want)
	}
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
	value := secret.NewString(canary)
	look := func(kind string, v secret.Value, want driver.State) {
		t.Helper()
		f, err := c.Check(t.Context(), driver.CheckRequest{Target: target(kind), Value: secret.One(v)})
		if err != nil || f.State != want {
			t.Errorf("the check %s is %+v, %v; want %s", kind, f, err, want)
		}
	}
	look("program", value, driver.Failed)
	if _, err := c.Put(t.Context(), driver.Write{Target: g, Value: value}); err != nil {
		t.Fatal(err)
	}
	look("program", value, driver.Passed)
	look("program_with_value", value, driver.Passed)
	look("program_with_value", secret.NewString("another"), driver.Failed)
	if p, err := c.Activate(t.Context(), driver.Activation{Target: g, Kind: "program"}); err != nil || !p.Done {
		t.Errorf("activate is %+v, %v", p, err)
	}
	for _, probed := range []driver.Target{{}, g} {
		if grants, err := c.Probe(t.Context(), probed); err != nil || len(grants) != 1 || grants[0].Has != driver.Yes {
			t.Errorf("probe of %q gives %+v, %v", probed.Kind, grants, err)
		}
	}
}

func TestKeystoreDiscovers(t *testing.T) {
	c := keystore(t)
	find := driver.Target{Kind: "program", Settings: estate.Settings{"target": "tenant-"}}
	if got, err := c.Discover(t.Context(), find); err != nil || len(got) != 0 {
		t.Errorf("an empty store has %v, %v", got, err)
	}
	for _, name := range []string{"tenant-b", "other", "tenant-a"} {
		g := driver.Target{Kind: "program", Settings: estate.Settings{"target": name}}
		if _, err := c.Put(t.Context(), driver.Write{Target: g, Value: secret.NewString(canary)}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := c.Discover(t.Context(), find)
	if err != nil || len(got) != 2 || got[0].Settings.String("target") != "tenant-a" || got[1].Settings.String("target") != "tenant-b" {
		t.Errorf("found %v, %v", got, err)
	}
}

// A program that forgot to look is not one that found nothing.
func TestDiscoverWithoutAList(t *testing.T) {
	for reply, want := range map[string]int{`{"ok":true}`: -1, `{"ok":true,"exists":true}`: -1, `{"ok":true,"targets":[{"path":7}]}`: -1,
		`{"ok":true,"exists":false}`: 0, `{"ok":true,"targets":[]}`: 0, `{"ok":true,"targets":[{"path":"/a","get_path":"/b"}]}`: 1} {
		got, err := saying(t, reply, "", "0").Discover(t.Context(), target("program"))
		switch {
		case want < 0:
			wantError(t, err, driver.Malformed, pawl.EffectNone, "")
		case err != nil || len(got) != want:
			t.Errorf("%s gives %v, %v", reply, got, err)
		}
	}
}

func TestKeystoreTellsADigest(t *testing.T) {
	c, g := keystore(t), target("program_write_only")
	var digests []string
	for _, text := range []string{"one", "two", "one"} {
		if _, err := c.Put(t.Context(), driver.Write{Target: g, Value: secret.NewString(text)}); err != nil {
			t.Fatal(err)
		}
		r, err := c.Stat(t.Context(), g)
		if err != nil || !r.Exists || r.Digest == "" {
			t.Fatalf("%+v, %v", r, err)
		}
		digests = append(digests, r.Digest)
	}
	if digests[0] == digests[1] || digests[0] != digests[2] {
		t.Errorf("the digests of one, two and one are %q", digests)
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
