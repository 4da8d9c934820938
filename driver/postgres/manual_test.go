//go:build unix

package postgres_test

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/pawlhq/pawl/driver/postgres"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// TestManualWorks types what a person is told to, at a real server: a second
// role is made and logs in, the old one is ended and leaves what it owned.
func TestManualWorks(t *testing.T) {
	b := newBench(t)
	const first, second = "first-password-0123456789", "second-password-0123456789"
	old, fresh := b.prefix+"1", b.prefix+"2"
	b.typed("role", "mint", old, "", first, first)
	b.login(old, first, true)
	b.sql(b.database, "SET ROLE "+old+"; SET ROLE "+b.owner+"; CREATE TABLE app.kept (n int)")
	b.typed("role", "mint", fresh, "", second, second)
	b.login(fresh, second, true)
	b.typed("role", "deactivate", fresh, old)
	b.login(old, first, false)
	b.typed("role", "revoke", fresh, old)
	if n := b.sql(b.database, "SELECT count(*) FROM pg_roles WHERE rolname = '"+old+"'"); n != "0" {
		t.Error("the old role is still there")
	}
	if n := b.sql(b.database, "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'"); n != "1" {
		t.Error("what it owned went with it")
	}
	b.typed("role_password", "mint", fresh, "", first, first)
	b.login(fresh, first, true)
	b.login(fresh, second, false)
}

// typed runs the commands of an act in bash, away from any terminal, so that
// \password reads the answers.
func (b *bench) typed(kind, act, name, old string, answers ...string) {
	b.t.Helper()
	for _, k := range postgres.New().Info().Kinds {
		if k.Name != kind {
			continue
		}
		c := estate.Connection{Settings: estate.Settings{"host": "127.0.0.1", "port": b.server.Port, "database": b.database, "user": b.database + "_admin", "sslmode": "disable"}}
		u := estate.Use{Facts: k, Settings: estate.Settings{"prefix": b.prefix, "name": name, "role": name, "owner_role": b.owner, "sessions": "wait"}}
		text, err := k.Manual.Text(act, estate.ManualData(c, u, secret.Format{}))
		if err != nil {
			b.t.Fatal(err)
		}
		text = strings.ReplaceAll(text, "OLD_ROLE", old)
		cmd := exec.CommandContext(b.t.Context(), "bash", "-e", "-c", text)
		cmd.Env = append(cmd.Environ(), "PGPASSWORD="+adminPassword, "PGHOSTADDR=127.0.0.1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Stdin = strings.NewReader(strings.Join(answers, "\n") + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.t.Errorf("%s %s: %v: %s\n%s", kind, act, err, out, text)
		}
		return
	}
	b.t.Fatalf("there is no kind %s", kind)
}

// login holds whether a role can log in with a password.
func (b *bench) login(role, password string, want bool) {
	b.t.Helper()
	cmd := exec.CommandContext(b.t.Context(), "psql", "-h", "127.0.0.1", "-p", b.sql("postgres", "SHOW port"), "-U", role, "-d", b.database, "-w", "-c", "SELECT 1")
	cmd.Env = append(cmd.Environ(), "PGPASSWORD="+password, "PGSSLMODE=disable")
	if out, err := cmd.CombinedOutput(); (err == nil) != want {
		b.t.Errorf("a login of %s: %v, want success %v: %s", role, err, want, out)
	}
}
