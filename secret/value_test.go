package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/pawlhq/pawl/secret"
)

// canary is the value that no printer may show, in any form.
const canary = `c4n4ry/Käse+"qu\ote"&<x>?`

// holder hides a value where printers do not call methods.
type holder struct {
	Shown  secret.Value
	hidden secret.Value
	link   *secret.Value
}

func newHolder() holder {
	v := secret.NewString(canary)
	return holder{Shown: v, hidden: v, link: &v}
}

// carriers are the shapes in which a value meets a printer.
func carriers() map[string]any {
	v, h := secret.NewString(canary), newHolder()
	return map[string]any{
		"value": v, "pointer": &v, "struct": h, "struct pointer": &h, "parts": secret.One(v),
		"map": map[string]secret.Value{"k": v}, "slice": []secret.Value{v}, "array": [1]secret.Value{v},
		"any slice": []any{v, h}, "nested": map[string][]holder{"k": {h}},
		"error": fmt.Errorf("write %v: %w", v, errors.New("refused")),
	}
}

// mustHide fails when the text has the canary in plain, quoted, base64 or hex.
func mustHide(t *testing.T, what, text string) {
	t.Helper()
	for name, form := range canaryForms(canary) {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the value (%s)", what, name)
		}
	}
}

func TestFmtHidesTheValue(t *testing.T) {
	for name, c := range carriers() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%U", "%e", "%t", "%p", "%T", "%10.3v", "%w"} {
			mustHide(t, verb+" of "+name, fmt.Sprintf(verb, c))
		}
		mustHide(t, "Sprint of "+name, fmt.Sprint(c))
		mustHide(t, "Sprintln of "+name, fmt.Sprintln(c))
	}
}

// The bytes must not be reachable even one by one: %d of a byte slice would
// print the numbers.
func TestFmtHidesTheNumbers(t *testing.T) {
	numbers := strings.Trim(fmt.Sprint([]byte(canary)), "[]")
	for name, c := range carriers() {
		for _, verb := range []string{"%v", "%d", "%+v", "%#v"} {
			if got := fmt.Sprintf(verb, c); strings.Contains(got, numbers) {
				t.Errorf("%s of %s shows the bytes as numbers", verb, name)
			}
		}
	}
}

func TestPrintsAPlaceholder(t *testing.T) {
	v := secret.NewString(canary)
	for _, got := range []string{v.String(), fmt.Sprint(v), fmt.Sprintf("%x", v), fmt.Sprintf("%d", &v), fmt.Sprint(secret.Value{})} {
		if got != "[secret]" {
			t.Errorf("got %q", got)
		}
	}
}

func TestEncodersRefuse(t *testing.T) {
	encoders := map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"yaml": func(x any) ([]byte, error) { return yaml.Marshal(x) },
		"xml":  xml.Marshal,
		"gob": func(x any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(x)
			return b.Bytes(), err
		},
	}
	type shown struct{ Shown secret.Value }
	for name, encode := range encoders {
		for _, c := range []any{secret.NewString(canary), shown{secret.NewString(canary)}} {
			out, err := encode(c)
			mustHide(t, name, string(out))
			if err == nil {
				t.Errorf("%s encodes %T", name, c)
				continue
			}
			mustHide(t, name+"'s error", err.Error())
			if !errors.Is(err, secret.ErrMarshal) && !strings.Contains(err.Error(), secret.ErrMarshal.Error()) {
				t.Errorf("%s of %T fails for another reason: %v", name, c, err)
			}
		}
	}
}

// A struct whose only value is unexported has nothing to encode, so encoders
// give an empty document instead of an error: no bytes either way.
func TestEncodersDoNotSeeUnexportedFields(t *testing.T) {
	type sealed struct {
		Name   string
		hidden secret.Value
	}
	s := sealed{Name: "n", hidden: secret.NewString(canary)}
	j, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	mustHide(t, "json", string(j))
	mustHide(t, "yaml", string(y))
}

func TestDirectMarshallersRefuse(t *testing.T) {
	v := secret.NewString(canary)
	_, j := v.MarshalJSON()
	_, x := v.MarshalText()
	_, b := v.MarshalBinary()
	_, y := v.MarshalYAML()
	for name, err := range map[string]error{"json": j, "text": x, "binary": b, "yaml": y} {
		if !errors.Is(err, secret.ErrMarshal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSlogHidesTheValue(t *testing.T) {
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		log := slog.New(handler(&b))
		for shape, c := range carriers() {
			log.Info("m", "plain", c, slog.Any("any", c), slog.Group("g", "in", c))
			log.With(shape, c).WithGroup("w").Info("m", slog.Any("again", c))
		}
		mustHide(t, "slog "+name, b.String())
		if !strings.Contains(b.String(), "[secret]") {
			t.Errorf("slog %s shows no placeholder", name)
		}
	}
}

func TestPanicHidesTheValue(t *testing.T) {
	for name, c := range carriers() {
		func() {
			defer func() { mustHide(t, "panic with "+name, fmt.Sprint(recover())) }()
			panic(c)
		}()
	}
}

func TestTemplateHidesTheValue(t *testing.T) {
	var b strings.Builder
	tmpl := template.Must(template.New("t").Parse(`{{.}} {{.Shown}} {{printf "%x %q" .Shown .Shown}} {{.Shown.String}} {{len (print .Shown)}}`))
	if err := tmpl.Execute(&b, newHolder()); err != nil {
		t.Fatal(err)
	}
	mustHide(t, "template", b.String())
}

func TestDiffHidesTheValue(t *testing.T) {
	a, b := newHolder(), newHolder()
	b.Shown, b.hidden = secret.NewString("other "+canary), secret.NewString("other "+canary)
	diff := cmp.Diff(a, b, cmp.AllowUnexported(holder{}))
	if diff == "" {
		t.Fatal("two values compare equal")
	}
	mustHide(t, "diff", diff)
	if d := cmp.Diff(newHolder(), newHolder(), cmp.AllowUnexported(holder{})); d != "" {
		t.Errorf("equal values differ:\n%s", d)
	}
}

func TestEqual(t *testing.T) {
	destroyed := secret.NewString("gone")
	destroyed.Destroy()
	for _, c := range []struct {
		name string
		a, b secret.Value
		want bool
	}{
		{"same bytes", secret.NewString("abc"), secret.NewString("abc"), true},
		{"last byte", secret.NewString("abc"), secret.NewString("abd"), false},
		{"first byte", secret.NewString("abc"), secret.NewString("Abc"), false},
		{"prefix", secret.NewString("abc"), secret.NewString("ab"), false},
		{"newline", secret.NewString("abc"), secret.NewString("abc\n"), false},
		{"zero and empty", secret.Value{}, secret.NewString(""), true},
		{"zero and some", secret.Value{}, secret.NewString("a"), false},
		{"destroyed", destroyed, secret.NewString("gone"), false},
		{"destroyed and itself", destroyed, destroyed, false},
		{"destroyed and empty", destroyed, secret.Value{}, false},
	} {
		if got := c.a.Equal(c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		if got := c.b.Equal(c.a); got != c.want {
			t.Errorf("%s, turned round: %v", c.name, got)
		}
	}
}

func TestNewTakesTheBytes(t *testing.T) {
	b := []byte("abcdef")
	v := secret.New(b)
	if !bytes.Equal(b, make([]byte, 6)) {
		t.Error("the caller's bytes were not cleared")
	}
	b[0] = 'x'
	if !v.Equal(secret.NewString("abcdef")) {
		t.Error("the value shares the caller's bytes")
	}
	if v.Len() != 6 || v.Empty() || !(secret.Value{}).Empty() {
		t.Error("lengths are wrong")
	}
}

func TestUseGivesTheErrorBack(t *testing.T) {
	want := errors.New("mine")
	if err := secret.NewString("v").Use(func([]byte) error { return want }); !errors.Is(err, want) {
		t.Errorf("got %v", err)
	}
	called := false
	if err := (secret.Value{}).Use(func(b []byte) error { called = b == nil; return nil }); err != nil || !called {
		t.Errorf("the zero value lends no empty bytes: %v", err)
	}
}

func TestDestroy(t *testing.T) {
	v := secret.NewString("abcdef")
	shared := v
	var held []byte
	if err := v.Use(func(b []byte) error { held = b; return nil }); err != nil {
		t.Fatal(err)
	}
	v.Destroy()
	v.Destroy()
	(secret.Value{}).Destroy()
	if !bytes.Equal(held, make([]byte, 6)) {
		t.Error("the bytes were not overwritten")
	}
	called := false
	if err := shared.Use(func([]byte) error { called = true; return nil }); !errors.Is(err, secret.ErrDestroyed) || called {
		t.Errorf("a copy lives on: %v", err)
	}
	if !shared.Empty() {
		t.Error("a destroyed value has a length")
	}
}

func TestFingerprint(t *testing.T) {
	v, key := secret.NewString(canary), []byte("key one")
	print := v.Fingerprint(key)
	if print != secret.NewString(canary).Fingerprint([]byte("key one")) {
		t.Error("equal values differ under one key")
	}
	if print == v.Fingerprint([]byte("key two")) {
		t.Error("two keys give one fingerprint")
	}
	if print == secret.NewString(canary+"x").Fingerprint(key) {
		t.Error("two values give one fingerprint")
	}
	if len(print) != 32 || strings.Trim(string(print), "0123456789abcdef") != "" {
		t.Errorf("it is not 32 hex characters: %q", print)
	}
}

// A fingerprint outlives releases: stores compare those of today with those
// of last year. The wanted text is HMAC-SHA-256 of the value, its first 16
// bytes (RFC 4231, test case 2).
func TestFingerprintIsHMAC(t *testing.T) {
	got := secret.NewString("what do ya want for nothing?").Fingerprint([]byte("Jefe"))
	if got != "5bdcc146bf60754e6a042426089575c7" {
		t.Errorf("got %s", got)
	}
}

func TestParts(t *testing.T) {
	p := secret.One(secret.NewString("v"))
	if len(p) != 1 || !p[secret.Single].Equal(secret.NewString("v")) {
		t.Errorf("one part is not called %q", secret.Single)
	}
	if !p["none"].Empty() {
		t.Error("a part that is not there has bytes")
	}
	two := secret.Parts{"user": secret.NewString(canary), "password": secret.NewString(canary)}
	mustHide(t, "parts", fmt.Sprintf("%v %+v %#v", two, two, two))
	if _, err := json.Marshal(two); !errors.Is(err, secret.ErrMarshal) {
		t.Errorf("parts marshal: %v", err)
	}
}

func TestValueIsSafeForConcurrentUse(t *testing.T) {
	v, key := secret.NewString(canary), []byte("k")
	want := v.Fingerprint(key)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if v.Fingerprint(key) != want || !v.Equal(v) || v.Len() != len(canary) {
					t.Error("a reader saw another value")
				}
			}
		})
	}
	wg.Wait()
}
