package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const canary = "canary-4f9d2c71"

// open gives a connection whose waits end at once, and its folder.
func openIn(t *testing.T, dir string) *conn {
	t.Helper()
	env := driver.Env{Dir: dir, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	c, err := New().Open(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*conn)
}

func at(path, field string, more ...string) driver.Target {
	s := estate.Settings{"path": path, "field": field}
	for i := 0; i < len(more); i += 2 {
		s[more[i]] = more[i+1]
	}
	return driver.Target{Kind: "field", Settings: s}
}

func put(c *conn, g driver.Target, value string) error {
	_, err := c.Put(context.Background(), driver.Write{Target: g, Value: secret.NewString(value)})
	return err
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// only fails when the folder holds anything but the named files.
func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("the folder holds %q, want %q", got, names)
	}
}

func wantError(t *testing.T, err error, kind driver.ErrorKind, effect pawl.Effect) *driver.Error {
	t.Helper()
	var e *driver.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a *driver.Error", err)
	}
	if e.Kind != kind || e.Effect != effect {
		t.Errorf("error is %s with effect %s, want %s with %s: %v", e.Kind, e.Effect, kind, effect, e)
	}
	if strings.Contains(e.Error()+e.Next, canary) {
		t.Error("the error holds the value")
	}
	return e
}

func TestPutChangesOneField(t *testing.T) {
	for _, c := range []struct{ name, field, before, after string }{
		{"app.env", "TOKEN", "# keep\nTOKEN=old\nOTHER=1\n", "# keep\nTOKEN=" + canary + "\nOTHER=1\n"},
		{"app.json", "db.password", `{"db": {"password": "old", "port": 1}}`, `{"db": {"password": "` + canary + `", "port": 1}}`},
		{"app.yaml", "db.password", "db:\n  password: old # why\n", "db:\n  password: " + canary + " # why\n"},
		{"app.toml", "db.password", "[db]\npassword = \"old\"\n", "[db]\npassword = \"" + canary + "\"\n"},
		{"app.properties", "db.password", "db.password=old\n", "db.password=" + canary + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.name)
			write(t, path, c.before)
			if err := put(openIn(t, dir), at(c.name, c.field), canary); err != nil {
				t.Fatal(err)
			}
			if got := content(t, path); got != c.after {
				t.Errorf("the file is %q, want %q", got, c.after)
			}
			only(t, dir, c.name)
		})
	}
}

func TestPlainIsExact(t *testing.T) {
	dir := t.TempDir()
	c := openIn(t, dir)
	g := at("key.pem", "IGNORED", "format", "plain")
	for _, value := range []string{"-----BEGIN KEY-----\nx\n-----END KEY-----\n", "no line break"} {
		if err := put(c, g, value); err != nil {
			t.Fatal(err)
		}
		got, ok, err := c.Read(t.Context(), g)
		if err != nil || !ok || !got.Equal(secret.NewString(value)) {
			t.Errorf("read back ok=%v err=%v, equal=%v", ok, err, got.Equal(secret.NewString(value)))
		}
	}
	if err := c.Remove(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	only(t, dir)
	if err := c.Remove(t.Context(), g); err != nil {
		t.Errorf("removing nothing failed: %v", err)
	}
}

func TestReadStatRemove(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".env"), "A=1\nEMPTY=\n")
	c := openIn(t, dir)
	for field, want := range map[string]bool{"A": true, "EMPTY": false, "B": false} {
		r, err := c.Stat(t.Context(), at(".env", field))
		if err != nil || r.Exists != want || r.UpdatedAt.IsZero() == want {
			t.Errorf("stat of %s is %+v, %v; want exists=%v", field, r, err, want)
		}
		_, ok, err := c.Read(t.Context(), at(".env", field))
		if err != nil || ok != want {
			t.Errorf("read of %s gives ok=%v, %v; want %v", field, ok, err, want)
		}
	}
	for range 2 {
		if err := c.Remove(t.Context(), at(".env", "A")); err != nil {
			t.Fatal(err)
		}
	}
	if got := content(t, filepath.Join(dir, ".env")); got != "EMPTY=\n" {
		t.Errorf("after the removal the file is %q", got)
	}
	if r, err := c.Stat(t.Context(), at("missing/.env", "A")); err != nil || r.Exists {
		t.Errorf("stat below a missing folder is %+v, %v", r, err)
	}
}

func TestSamePutIsOneChange(t *testing.T) {
	dir := t.TempDir()
	c := openIn(t, dir)
	if err := put(c, at(".env", "A"), canary); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir, ".env"))
	if err != nil {
		t.Fatal(err)
	}
	if err := put(c, at(".env", "A"), canary); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(dir, ".env"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the second put of the same value replaced the file (%v)", err)
	}
}

func TestMadeFileHasItsMode(t *testing.T) {
	dir := t.TempDir()
	c := openIn(t, dir)
	for path, mode := range map[string]os.FileMode{"a.env": 0o600, "b.env": 0o664} {
		g := at(path, "A")
		if mode != 0o600 {
			g.Settings["mode"] = "0664"
		}
		if err := put(c, g, canary); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("mode of %s is %v (%v), want %v", path, info.Mode(), err, mode)
		}
	}
	only(t, dir, "a.env", "b.env")
}

func TestSettingsAreChecked(t *testing.T) {
	for name, g := range map[string]driver.Target{
		"no path":        at("", "A"),
		"NUL in path":    at("a\x00.env", "A"),
		"unknown format": at("config", "A"),
		"no field":       at(".env", ""),
		"bad mode":       at(".env", "A", "mode", "rw"),
		"setuid mode":    at(".env", "A", "mode", "4755"),
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, put(openIn(t, t.TempDir()), g, canary), driver.Invalid, pawl.EffectNone)
		})
	}
	err := put(openIn(t, t.TempDir()), driver.Target{Kind: "secret"}, canary)
	wantError(t, err, driver.Unsupported, pawl.EffectNone)
}

func TestUneditableDocumentIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.json")
	const text = `{"token": "` + canary + `", "token": 2}`
	write(t, path, text)
	c := openIn(t, dir)
	wantError(t, put(c, at("app.json", "token"), "new"), driver.Invalid, pawl.EffectNone)
	_, err := c.Stat(t.Context(), at("app.json", "token"))
	wantError(t, err, driver.Invalid, pawl.EffectNone)
	if content(t, path) != text {
		t.Error("the file was changed")
	}
}

func TestCancelledContextChangesNothing(t *testing.T) {
	dir := t.TempDir()
	c := openIn(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Put(ctx, driver.Write{Target: at(".env", "A"), Value: secret.NewString(canary)})
	e := wantError(t, err, driver.Unavailable, pawl.EffectNone)
	if !errors.Is(e, context.Canceled) {
		t.Errorf("the error does not say that it was cancelled: %v", e)
	}
	only(t, dir)
}

func TestProbe(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "good.env"), "A=1\n")
	write(t, filepath.Join(dir, "twice.env"), "A=1\n")
	write(t, filepath.Join(dir, "broken.json"), "{")
	if err := os.Link(filepath.Join(dir, "twice.env"), filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		g    driver.Target
		want []driver.Has
	}{
		{"there", at("good.env", "A"), []driver.Has{driver.Yes, driver.Yes, driver.Yes}},
		{"to be made", at("new.env", "A"), []driver.Has{driver.Yes, driver.Yes, driver.Yes}},
		{"no folder", at("none/new.env", "A"), []driver.Has{driver.Yes, driver.No, driver.Yes}},
		{"hard links", at("twice.env", "A"), []driver.Has{driver.Yes, driver.No, driver.Yes}},
		{"no document", at("broken.json", "A"), []driver.Has{driver.Yes, driver.Yes, driver.No}},
		{"a folder", at(".", "A", "format", "json"), []driver.Has{driver.No}},
		{"connection", driver.Target{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			grants, err := openIn(t, dir).Probe(t.Context(), c.g)
			if err != nil || len(grants) != len(c.want) {
				t.Fatalf("probe gives %+v, %v; want %v", grants, err, c.want)
			}
			for i, g := range grants {
				if g.Has != c.want[i] {
					t.Errorf("grant %q is %s (%s), want %s", g.Need, g.Has, g.Detail, c.want[i])
				}
			}
		})
	}
}
