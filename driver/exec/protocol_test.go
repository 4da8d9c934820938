package exec

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestRequests holds the bytes of the requests, which are a published format.
func TestRequests(t *testing.T) {
	odd := secret.NewString("a\"\\\n\x01é")
	with := driver.Target{Kind: "program", Settings: estate.Settings{"target": "billing", "with": map[string]string{"zone": "eu 1"}}}
	for _, c := range []struct {
		name        string
		call        call
		json, lines string
	}{
		{"mint", call{act: "mint", role: estate.RoleIssuer, target: target("program"),
			more: details{Name: "billing-v3", Version: 3, Old: &driver.Credential{ID: "k2", CreatedAt: noon}}},
			`{"pawl":1,"act":"mint","role":"issuer","kind":"program","target":"billing","name":"billing-v3","version":3,"old":{"id":"k2","created_at":"2026-03-01T12:00:00Z"},"login":{"value":"key"}}` + "\n",
			"act=mint\nkind=program\nname=billing-v3\nold.created_at=2026-03-01T12:00:00Z\nold.id=k2\npawl=1\nrole=issuer\ntarget=billing\nversion=3\nlogin.value=key\n"},
		{"put", call{act: "put", role: estate.RoleLocation, target: with, value: secret.One(odd)},
			`{"pawl":1,"act":"put","role":"location","kind":"program","target":"billing","with":{"zone":"eu 1"},"login":{"value":"key"},"value":{"value":"a\"\\\u000a\u0001é"}}` + "\n",
			"act=put\nkind=program\npawl=1\nrole=location\ntarget=billing\nwith.zone=eu 1\nlogin.value=key\nvalue.value=a\"\\\\\\n\x01é\n"},
		{"parts", call{act: "verify", role: estate.RoleIssuer, target: target("program"),
			value: secret.Parts{"user": secret.NewString("u"), "key": secret.New([]byte{0xff, 0x01}), "password": secret.NewString("p")}},
			`{"pawl":1,"act":"verify","role":"issuer","kind":"program","target":"billing","login":{"value":"key"},"value":{"password":"p","user":"u"},"value_base64":{"key":"/wE="}}` + "\n",
			"act=verify\nkind=program\npawl=1\nrole=issuer\ntarget=billing\nlogin.value=key\nvalue.key=\xff\x01\nvalue.password=p\nvalue.user=u\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for lines, want := range map[bool]string{false: c.json, true: c.lines} {
				got, err := c.call.encode(lines, c.call.values(secret.NewString("key")))
				if err != nil || string(got) != want {
					t.Errorf("lines=%v, %v:\n got %q\nwant %q", lines, err, got, want)
				}
			}
		})
	}
}

func TestWhatLinesCannotHold(t *testing.T) {
	for name, c := range map[string]call{
		"a NUL byte":       {act: "put", target: target("program"), value: secret.One(secret.NewString("a\x00b"))},
		"an odd part name": {act: "put", target: target("program"), value: secret.Parts{"a=b": secret.NewString("x")}},
		"an odd setting":   {act: "put", target: driver.Target{Settings: estate.Settings{"with": map[string]string{"a\nb": "x"}}}},
	} {
		if _, err := c.encode(true, c.values(secret.Value{})); err == nil {
			t.Errorf("%s was sent", name)
		}
	}
	c := acting(t, formLines, say, "ok=true\n", "", "0")
	_, err := c.Put(t.Context(), driver.Write{Target: target("program"), Value: secret.NewString("a\x00b")})
	wantError(t, err, driver.Invalid, pawl.EffectNone, "form: json")
}

func TestBuffersDoNotGrow(t *testing.T) {
	c := call{act: "put", target: target("program"), value: secret.One(secret.NewString(strings.Repeat("\x01", 5000)))}
	values := c.values(secret.NewString(strings.Repeat("\n", 3000)))
	for _, lines := range []bool{false, true} {
		got, err := c.encode(lines, values)
		if err != nil || cap(got) > 6*8000+2000 { // the room that was made at first, and no more
			t.Errorf("lines=%v: capacity %d, %v", lines, cap(got), err)
		}
	}
}

func TestRepliesInBothForms(t *testing.T) {
	for form, reply := range map[string]string{
		formJSON: `{"ok":true,"credential":{"id":"k3","name":"billing-v3","expires_at":"2026-03-01T12:00:00Z"},` +
			`"value":{"user":"u\n\\"},"value_base64":{"key":"/wE="}}`,
		formLines: "ok=true\ncredential.id=k3\ncredential.name=billing-v3\ncredential.expires_at=2026-03-01T12:00:00Z\n\n" +
			"value.user=u\\n\\\\\nvalue.key=\xff\x01\n",
	} {
		t.Run(form, func(t *testing.T) {
			m, err := mint(acting(t, form, say, reply, "", "0"))
			if err != nil {
				t.Fatal(err)
			}
			if m.Credential.ID != "k3" || m.Credential.Name != "billing-v3" || !m.Credential.ExpiresAt.Equal(noon) {
				t.Errorf("credential is %+v", m.Credential)
			}
			if !m.Value["user"].Equal(secret.NewString("u\n\\")) || !m.Value["key"].Equal(secret.New([]byte{0xff, 1})) || len(m.Value) != 2 {
				t.Errorf("the value has %d parts, or they are wrong", len(m.Value))
			}
		})
	}
	list, err := acting(t, formLines, say, "ok=true\ncredentials.0.id=a\ncredentials.1.id=b\ncredentials.1.inactive=true\n", "", "0").
		List(t.Context(), target("program"))
	if err != nil || len(list) != 2 || list[0].ID != "a" || list[0].Inactive || !list[1].Inactive {
		t.Errorf("the list is %+v, %v", list, err)
	}
}

func TestBadLines(t *testing.T) {
	for _, reply := range []string{
		"ok", "ok=yes\n", "ok=true\nok=true\n", "ok=true\na=1\na.b=2\n", "ok=true\ncredentials.1.id=a\n",
		"ok=true\nvalue.value=\\x\n", "ok=true\nvalue.value=\\\n", "ok=true\ncredential.created_at=noon\n", "error.why=x\nok=true\n",
	} {
		if _, err := decode([]byte(reply), true); err == nil {
			t.Errorf("%q was taken", reply)
		}
	}
}

func TestLocationReplies(t *testing.T) {
	ctx, place, writeOnly := t.Context(), target("program"), target("program_write_only")
	r, err := saying(t, `{"ok":true,"exists":true,"revision":"7","digest":"d","updated_at":"2026-03-01T12:00:00Z"}`, "", "0").Stat(ctx, writeOnly)
	if want := (driver.Receipt{Exists: true, Revision: "7", Digest: "d", UpdatedAt: noon}); err != nil || r != want {
		t.Errorf("stat is %+v, %v", r, err)
	}
	r, err = saying(t, `{"ok":true,"revision":"8"}`, "", "0").Put(ctx, driver.Write{Target: place, Value: secret.NewString("x")})
	if err != nil || !r.Exists || r.Revision != "8" {
		t.Errorf("put is %+v, %v", r, err)
	}
	v, ok, err := saying(t, `{"ok":true,"exists":true,"value":{"value":"x"}}`, "", "0").Read(ctx, place)
	if err != nil || !ok || !v.Equal(secret.NewString("x")) {
		t.Errorf("read is ok=%v, %v", ok, err)
	}
	if _, ok, err = saying(t, `{"ok":true,"exists":false}`, "", "0").Read(ctx, place); err != nil || ok {
		t.Errorf("read of nothing is ok=%v, %v", ok, err)
	}
	p, err := saying(t, `{"ok":true,"done":false,"after":"90s","resume":"job 5","detail":"1 of 2"}`, "", "0").Activate(ctx, driver.Activation{Target: place, Kind: "program"})
	if want := (driver.Progress{After: 90 * time.Second, Resume: "job 5", Detail: "1 of 2"}); err != nil || p != want {
		t.Errorf("activate is %+v, %v", p, err)
	}
}

// TestIncompleteReplies has replies that say ok and leave out what was asked.
func TestIncompleteReplies(t *testing.T) {
	ctx, place, writeOnly := t.Context(), target("program"), target("program_write_only")
	write := driver.Write{Target: place, Value: secret.NewString(canary)}
	for _, c := range []struct {
		name, reply string
		act         func(*conn) error
		effect      pawl.Effect
	}{
		{"stat", `{"ok":true}`, func(c *conn) error { _, err := c.Stat(ctx, place); return err }, pawl.EffectNone},
		{"stat without digest", `{"ok":true,"exists":true}`, func(c *conn) error { _, err := c.Stat(ctx, writeOnly); return err }, pawl.EffectNone},
		{"read", `{"ok":true,"exists":true}`, func(c *conn) error { _, _, err := c.Read(ctx, place); return err }, pawl.EffectNone},
		{"put", `{"ok":true,"exists":false}`, func(c *conn) error { _, err := c.Put(ctx, write); return err }, pawl.EffectUnknown},
		{"activate", `{"ok":true}`, func(c *conn) error { _, err := c.Activate(ctx, driver.Activation{Target: place}); return err }, pawl.EffectUnknown},
		{"check", `{"ok":true,"state":"fine"}`, func(c *conn) error { _, err := c.Check(ctx, driver.CheckRequest{Target: place}); return err }, pawl.EffectNone},
		{"list", `{"ok":true,"credentials":[{"name":"x"}]}`, func(c *conn) error { _, err := c.List(ctx, place); return err }, pawl.EffectNone},
		{"probe", `{"ok":true,"grants":[{"need":"x","has":"perhaps"}]}`, func(c *conn) error { _, err := c.Probe(ctx, place); return err }, pawl.EffectNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantError(t, c.act(saying(t, c.reply, "", "0")), driver.Malformed, c.effect, "incomplete")
		})
	}
}

// TestWhoIsGivenTheValue holds kinds to what they promise.
func TestWhoIsGivenTheValue(t *testing.T) {
	ctx, value := t.Context(), secret.One(secret.NewString(canary))
	sent := tempFile(t, "")
	c := acting(t, formJSON, record, sent, `{"ok":true,"state":"passed","detail":"with `+canary+`"}`)
	check := func(kind string) (driver.Finding, string) {
		t.Helper()
		f, err := c.Check(ctx, driver.CheckRequest{Target: target(kind), Value: value, Since: noon, Resume: "7"})
		request, err2 := os.ReadFile(sent)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		return f, string(request)
	}
	if _, request := check("program"); strings.Contains(request, "value") || !strings.Contains(request, `"since":"2026-03-01T12:00:00Z","resume":"7"`) {
		t.Errorf("the check without value was sent %q", request)
	}
	f, request := check("program_with_value")
	if !strings.Contains(request, `"value":{"value":"`+canary+`"}`) || f.Detail != "with [secret]" {
		t.Errorf("the check with value was sent %q and tells %q", request, f.Detail)
	}
	_, err := c.Check(ctx, driver.CheckRequest{Target: target("program_with_value")})
	wantError(t, err, driver.NoValue, pawl.EffectNone, "does not hold it")
}

// TestOldValue is sent where it is replaced, and nowhere else.
func TestOldValue(t *testing.T) {
	sent := tempFile(t, "")
	c := acting(t, formJSON, record, sent, `{"ok":true,"credential":{"id":"1"},"value":{"value":"x"}}`)
	for kind, want := range map[string]bool{"program_replaced": true, "program": false} {
		r := driver.MintRequest{Target: target(kind), OldValue: secret.One(secret.NewString(canary))}
		if _, err := c.Mint(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		request, err := os.ReadFile(sent)
		if err != nil || strings.Contains(string(request), `"old_value":{"value":"`+canary+`"}`) != want || strings.Contains(string(request), canary) != want {
			t.Errorf("%s was sent %q, %v", kind, request, err)
		}
	}
}

func TestUnsupportedActs(t *testing.T) {
	c := running(t, formJSON, "no-such-program-4711") // it is not even started
	_, err := c.List(t.Context(), target("program_replaced"))
	wantError(t, err, driver.Unsupported, pawl.EffectNone, "")
	wantError(t, c.Revoke(t.Context(), target("program_replaced"), driver.Credential{ID: "1"}, nil), driver.Unsupported, pawl.EffectNone, "")
	_, _, err = c.Read(context.Background(), target("program_write_only"))
	wantError(t, err, driver.Unsupported, pawl.EffectNone, "")
}
