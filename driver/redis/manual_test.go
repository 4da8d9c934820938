package redis_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/driver/redis"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	sim "github.com/pawlhq/pawl/vendorsim/redis"
)

// TestManualWorks types what a person is told to, at a real server: the new
// password is added, the old one taken away, and both are kept.
func TestManualWorks(t *testing.T) {
	s, _, admin := start(t, sim.Options{})
	const app, first, second = "app", "first-password-0123456789", "second-password-0123456789"
	if err := admin.Do(t.Context(), "ACL", "SETUSER", app, "on", ">"+first, "+ping").Err(); err != nil {
		t.Fatal(err)
	}
	typed(t, s, "acl_user", "mint", app, s.Password, second)
	for _, password := range []string{first, second} {
		if err := client(t, s, app, password).Ping(t.Context()).Err(); err != nil {
			t.Errorf("after the mint %s is refused: %v", password, err)
		}
	}
	typed(t, s, "acl_user", "revoke", app, s.Password, first)
	if err := client(t, s, app, first).Ping(t.Context()).Err(); err == nil {
		t.Error("the old password is still accepted")
	}
	if out := typed(t, s, "ping", "check", app, second); !strings.Contains(out, "PONG") {
		t.Errorf("the check says %q", out)
	}
	typed(t, s, "requirepass", "mint", "", s.Password, second, second)
	if err := client(t, s, "", second).Ping(t.Context()).Err(); err != nil {
		t.Errorf("the new requirepass is refused: %v", err)
	}
	kept, err := s.Kept()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"requirepass \"" + second, "user app on #"} {
		if !strings.Contains(kept, line) {
			t.Errorf("the server would forget %q:\n%s", line, kept)
		}
	}
}

// typed runs the commands of an act in bash, which reads answers, and gives
// what they print.
func typed(t *testing.T, s *sim.Server, kind, act, user string, answers ...string) string {
	t.Helper()
	info := redis.New().Info()
	for _, k := range info.Kinds {
		if k.Name != kind {
			continue
		}
		c := estate.Connection{Settings: estate.Settings{"host": "127.0.0.1", "port": s.Port, "user": "default", "tls": "disable"}}
		u := estate.Use{Facts: k, Settings: estate.Settings{"persist": "config-rewrite", "gentoken": false, "user": user}}
		text, err := k.Manual.Text(act, estate.ManualData(c, u, secret.Format{}))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", text)
		cmd.Stdin = strings.NewReader(strings.Join(answers, "\n") + "\n")
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), "ERR") || strings.Contains(string(out), "WRONGPASS") || strings.Contains(string(out), "NOAUTH") {
			t.Errorf("%s %s: %v: %s\n%s", kind, act, err, out, text)
		}
		return string(out)
	}
	t.Fatalf("there is no kind %s", kind)
	return ""
}
