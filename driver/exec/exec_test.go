package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const canary = "canary-4f9d2c71"

// TestMain lets this test binary be a pawl that runs a program which never
// ends, so that a test can kill it.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "pawl" {
		c, err := New().Open(driver.Env{Dir: "."}, estate.Settings{"command": []string{"sh", "-c", `exec sleep 1000 3>"$1"`, "sh", os.Args[2]}})
		if err == nil {
			_, err = c.Probe(context.Background(), driver.Target{})
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// The programs.
const (
	say    = `cat >/dev/null; printf %s "$1"; printf %s "$2" >&2; exit "$3"` // the reply, what to write to standard error, the exit status
	record = `cat >"$1"; printf %s "$2"`                                     // where to keep the request, the reply
	betray = `printf 'first line\nlast line with %s\n' "$(cat)" >&2; exit 1` // what it was sent, to standard error
	flood  = `cat >/dev/null; head -c 1048577 /dev/zero | tr '\0' ' '; echo '{"ok":true}'`
	deaf   = `exec <&-; echo '{"ok":true}'`
)

// acting runs a shell script.
func acting(t *testing.T, form, script string, args ...string) *conn {
	t.Helper()
	return running(t, form, append([]string{"sh", "-c", script, "sh"}, args...)...)
}

func running(t *testing.T, form string, command ...string) *conn {
	t.Helper()
	c, err := New().Open(driver.Env{Dir: t.TempDir()}, estate.Settings{"command": command, "form": form})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*conn)
}

func saying(t *testing.T, reply, stderr, exit string) *conn {
	return acting(t, formJSON, say, reply, stderr, exit)
}

func target(kind string) driver.Target {
	return driver.Target{Kind: kind, Settings: estate.Settings{"target": "billing"}}
}

func wantError(t *testing.T, err error, kind driver.ErrorKind, effect pawl.Effect, why string) {
	t.Helper()
	var e *driver.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a *driver.Error", err)
	}
	if e.Kind != kind || e.Effect != effect || !strings.Contains(e.Why, why) {
		t.Errorf("error is %q with effect %s, want %s with %s and %q", e, e.Effect, kind, effect, why)
	}
	if strings.Contains(e.Error()+e.Next, canary) {
		t.Error("the error holds the value")
	}
}

func mint(c *conn) (driver.Minted, error) {
	return c.Mint(context.Background(), driver.MintRequest{Target: target("program"), Name: "billing-v3", Version: 3})
}

// TestLostReplies has programs that end in every wrong way. A minting program
// may have minted; one that only looks has done nothing.
func TestLostReplies(t *testing.T) {
	for _, c := range []struct {
		name, reply, exit string
		kind              driver.ErrorKind
	}{
		{"no reply", "", "0", driver.Malformed},
		{"no JSON", "done!", "0", driver.Malformed},
		{"a list", "[]", "0", driver.Malformed},
		{"neither ok nor error", "{}", "0", driver.Malformed},
		{"both ok and error", `{"ok":true,"error":{"kind":"denied"}}`, "0", driver.Malformed},
		{"two replies", `{"ok":true}{"ok":true}`, "0", driver.Malformed},
		{"ok without what was asked", `{"ok":true}`, "0", driver.Malformed},
		{"an empty value", `{"ok":true,"credential":{"id":"1"},"value":{"value":""},"verdict":"maybe"}`, "0", driver.Malformed},
		{"bad base64", `{"ok":true,"credential":{"id":"1"},"value_base64":{"value":"?"}}`, "0", driver.Malformed},
		{"failed without a reply", "", "1", driver.Internal},
		{"failed with a good reply", `{"ok":true,"credential":{"id":"1"},"value":{"value":"x"},"verdict":"accepted"}`, "1", driver.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn := saying(t, c.reply, "", c.exit)
			_, err := mint(conn)
			wantError(t, err, c.kind, pawl.EffectUnknown, "")
			_, err = conn.Verify(t.Context(), target("program"), secret.One(secret.NewString(canary)))
			wantError(t, err, c.kind, pawl.EffectNone, "")
		})
	}
}

func TestErrorReplies(t *testing.T) {
	for _, c := range []struct {
		reply  string
		kind   driver.ErrorKind
		effect pawl.Effect
		why    string
	}{
		{`{"error":{"kind":"denied","effect":"none","why":"no right to mint"}}`, driver.Denied, pawl.EffectNone, "no right to mint"},
		{`{"error":{"kind":"quota","effect":"applied"}}`, driver.Quota, pawl.EffectApplied, ""},
		{`{"error":{"kind":"unavailable"}}`, driver.Unavailable, pawl.EffectUnknown, ""},
		{`{"error":{"kind":"tired","effect":"some"}}`, driver.Internal, pawl.EffectUnknown, ""},
	} {
		for _, exit := range []string{"0", "3"} {
			_, err := mint(saying(t, c.reply, "", exit))
			wantError(t, err, c.kind, c.effect, c.why)
		}
	}
	_, err := mint(saying(t, `{"error":{"kind":"limited","effect":"none","retry_after":"30s"}}`, "", "0"))
	if e := driver.AsError("", err); e.RetryAfter != 30*time.Second {
		t.Errorf("retry after is %v, want 30s", e.RetryAfter)
	}
}

func TestStandardErrorIsTheReason(t *testing.T) {
	err := saying(t, "", "warming up\nvault is sealed\n", "1").Remove(t.Context(), target("program"))
	wantError(t, err, driver.Internal, pawl.EffectUnknown, "exit status 1: vault is sealed")

	_, err = mint(saying(t, "", canary, "1"))
	wantError(t, err, driver.Internal, pawl.EffectUnknown, "exit status 1")

	_, err = acting(t, formJSON, betray).Put(t.Context(), driver.Write{Target: target("program"), Value: secret.NewString(canary)})
	wantError(t, err, driver.Internal, pawl.EffectUnknown, "last line with")
	wantError(t, err, driver.Internal, pawl.EffectUnknown, "[secret]")
}

func TestLongOutput(t *testing.T) {
	err := acting(t, formJSON, flood).Remove(t.Context(), target("program"))
	wantError(t, err, driver.Malformed, pawl.EffectUnknown, "1 MiB")

	var message tail
	for range 3 {
		_, _ = message.Write([]byte(strings.Repeat("x", maxMessage/2)))
	}
	if got := message.lastLine(); got != "" {
		t.Errorf("a line without its beginning gives %d bytes", len(got))
	}
	_, _ = message.Write([]byte("\nwhole\n\n"))
	if got := message.lastLine(); got != "whole" || len(message.kept) > maxMessage {
		t.Errorf("the last line is %q of %d kept bytes", got, len(message.kept))
	}
}

func TestProgramMayIgnoreItsInput(t *testing.T) {
	c := acting(t, formJSON, deaf)
	value := secret.NewString(strings.Repeat("x", 1<<20)) // more than a pipe holds
	if _, err := c.Put(t.Context(), driver.Write{Target: target("program"), Value: value}); err != nil {
		t.Error(err)
	}
}

func TestProgramThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/plain.txt", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"no-such-program-4711", "./missing", dir, dir + "/plain.txt"} {
		_, err := mint(running(t, formJSON, path))
		wantError(t, err, driver.Internal, pawl.EffectNone, "cannot be started")
	}
	for _, command := range [][]string{nil, {""}} {
		_, err := New().Open(driver.Env{}, estate.Settings{"command": command})
		wantError(t, err, driver.Invalid, pawl.EffectNone, "command")
	}
}

func TestCancelledBeforeStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := saying(t, `{"ok":true}`, "", "0").Remove(ctx, target("program"))
	wantError(t, err, driver.Unavailable, pawl.EffectNone, "")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not say that it was cancelled", err)
	}
}

func TestEnvironmentIsChosen(t *testing.T) {
	t.Setenv("PAWL_TEST_SEEN", "1")
	t.Setenv("PAWL_TEST_HIDDEN", "1")
	list := strings.Join(environ([]string{"PAWL_TEST_SEEN", "PAWL_TEST_UNSET"}), " ")
	if !strings.Contains(list, "PAWL_TEST_SEEN=1") || !strings.Contains(list, "PATH=") ||
		strings.Contains(list, "HIDDEN") || strings.Contains(list, "UNSET") {
		t.Errorf("the program would see %q", list)
	}
}

func TestLoginThatFails(t *testing.T) {
	c := saying(t, `{"ok":true}`, "", "0")
	c.env.Credential = func(context.Context) (secret.Value, error) { return secret.Value{}, errors.New("no such file") }
	wantError(t, c.Remove(t.Context(), target("program")), driver.Unauthenticated, pawl.EffectNone, "")
}
