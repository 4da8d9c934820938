package saas_test

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/github"
	"github.com/pawlhq/pawl/vendorsim/molecule"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// TestNothingHasRotatedAtFirst: the truth about a rotation is not so before it.
func TestNothingHasRotatedAtFirst(t *testing.T) {
	s := newSite(t, saas.Config{})
	for _, name := range saas.Names() {
		wrong := s.Wrong(name)
		if name == saas.ActionsToken {
			if len(wrong) > 0 || s.Accepted(name, "x") {
				t.Errorf("%s: %q", name, wrong)
			}
			continue
		}
		if len(wrong) == 0 {
			t.Errorf("%s passes for rotated", name)
		}
		if !s.Accepted(name, s.First[name]) {
			t.Errorf("%s: the first one is refused", name)
		}
		dead := s.Accepted(name, "rediss://dead")
		if dead && name != saas.RedisURL { // it has no server here
			t.Errorf("%s: a value of nobody's is accepted", name)
		}
		if n := len(s.Alive(name)); n > 1 || n == 0 && !slices.Contains([]string{saas.RedisURL, saas.EncryptionKey, saas.ResendFrom}, name) {
			t.Errorf("%s: %d are alive", name, n)
		}
	}
}

// TestARotationByHandIsTold rotates a token as a careful person does, and says
// of each omission what is wrong.
func TestARotationByHandIsTold(t *testing.T) {
	s := newSite(t, saas.Config{})
	says := func(what string) {
		t.Helper()
		wrong := s.Wrong(saas.FlyToken)
		if what == "" && len(wrong) == 0 {
			return
		}
		if what == "" || !slices.ContainsFunc(wrong, func(w string) bool { return strings.HasPrefix(w, what) }) {
			t.Errorf("wrong is %q, want %q", wrong, what)
		}
	}
	_, second := s.Fly.AddOrgToken(molecule.Org, "second", time.Hour)
	says("P7: 2 are alive")
	s.Fly.SetSecret(saas.App, saas.FlyToken, second)
	says("P2: the machines run with something else")
	s.Fly.Reboot(saas.App)
	says("P2: GitHub and Fly hold different tokens")
	s.GitHub.SetSecret(github.Repo(molecule.Repo), saas.FlyToken, second)
	says("P3: the old one is accepted")
	s.Fly.RevokeToken(s.IDs[saas.FlyToken])
	says("")
	if failing := s.Failing(); len(failing) > 0 {
		t.Errorf("what does not work: %q", failing)
	}
	s.Fly.AddDeployToken(saas.App, "forgotten", time.Hour)
	says("P7: 2 are alive")
}

// TestOthersKeysAreNotOurs: a tenant's own key at the language model is no
// version of the system's.
func TestOthersKeysAreNotOurs(t *testing.T) {
	s := newSite(t, saas.Config{})
	s.Anthropic.CreateKey(anthropic.Key{Name: "bolt's own"})
	if n := len(s.Alive(saas.AnthropicKey)); n != 1 {
		t.Errorf("%d are alive", n)
	}
	id, second := s.Anthropic.CreateKey(anthropic.Key{Name: "molecule-prod-second"})
	want := []saas.Credential{{ID: s.IDs[saas.AnthropicKey], Value: s.First[saas.AnthropicKey]}, {ID: id, Value: second}}
	if got := s.Alive(saas.AnthropicKey); !slices.Equal(got, want) {
		t.Errorf("alive are %d, and not the two", len(got))
	}
	s.Anthropic.SetStatus(id, anthropic.Archived)
	if n := len(s.Alive(saas.AnthropicKey)); n != 1 {
		t.Errorf("%d are alive", n)
	}
}

// TestRowsOfAnOlderReleaseAreFilledIn: machines open them, and they are no
// tenants.
func TestRowsOfAnOlderReleaseAreFilledIn(t *testing.T) {
	s := newSite(t, saas.Config{})
	if err := s.Fill(5); err != nil {
		t.Fatal(err)
	}
	if n := s.OldRows(s.First[saas.EncryptionKey]); n != 8 || s.Unreadable() != 0 || len(s.Tenants()) != 3 {
		t.Errorf("%d rows under the first key, %d unreadable, %d tenants", n, s.Unreadable(), len(s.Tenants()))
	}
	s.load(saas.DecryptKeys, strings.Repeat("ab", 32))
	s.load(saas.EncryptionKey, strings.Repeat("ab", 32))
	if n := s.Unreadable(); n != 8 {
		t.Errorf("with another key %d rows are unreadable", n)
	}
	if err := s.Empty(); err != nil {
		t.Fatal(err)
	}
	if n := s.Unreadable(); n != 3 {
		t.Errorf("emptied, %d rows are unreadable", n)
	}
}

// TestLeaksAreFound has one in each of the places.
func TestLeaksAreFound(t *testing.T) {
	s := newSite(t, saas.Config{})
	dir := t.TempDir()
	if n, found, err := s.Leaks([]byte("all is well"), dir); err != nil || len(found) > 0 || n == 0 {
		t.Errorf("%d texts, found %q: %v", n, found, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "journal"), []byte(s.First[saas.NeonKey]), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Fly.AddLogLine(saas.App, "info", "password="+password(t, s.First[saas.DatabaseURL]))
	_, found, err := s.Leaks([]byte("more-canary-1234"), dir, "more-canary-1234")
	if want := []string{"journal (plain)", "pawl's output (plain)", "the log of molecule-cp (plain)"}; err != nil || !slices.Equal(found, want) {
		t.Errorf("found %q: %v", found, err)
	}
}

func password(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := u.User.Password()
	return p
}
