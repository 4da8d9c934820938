package driver_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/leak"
	"github.com/pawlhq/pawl/secret"
)

// everyPower runs a test for each call of a port.
func everyPower(t *testing.T, test func(t *testing.T, w power)) {
	for _, w := range powers() {
		t.Run(w.name, func(t *testing.T) { test(t, w) })
	}
}

// portError gives err as the *Error that every failing call of a port gives.
func portError(t *testing.T, got bool, err error) *driver.Error {
	t.Helper()
	var e *driver.Error
	if !errors.As(err, &e) || e == nil {
		t.Fatalf("the error is %v, no *driver.Error", err)
	}
	if got {
		t.Error("an answer comes with the error")
	}
	return e
}

func TestPortGivesAnswers(t *testing.T) {
	silent := []string{"revoke", "deactivate", "reactivate", "remove"}
	p := driver.NewPort("fly", info, sound(), 0)
	everyPower(t, func(t *testing.T, w power) {
		got, err := w.calls(t.Context(), p)
		if err != nil {
			t.Error(err)
		}
		if want := !slices.Contains(silent, w.name); got != want {
			t.Errorf("an answer was given: %t, want %t", got, want)
		}
	})
	if p.Name() != "fly" || p.Info().Name != "faulty" {
		t.Errorf("the port is %q over %q", p.Name(), p.Info().Name)
	}
}

func TestPortSaysWhatADriverLacks(t *testing.T) {
	p := driver.NewPort("fly", info, bare{}, 0)
	everyPower(t, func(t *testing.T, w power) {
		got, err := w.calls(t.Context(), p)
		if w.name == "probe" { // every connection has it
			if err != nil {
				t.Error(err)
			}
			return
		}
		e := portError(t, got, err)
		if e.Kind != driver.Unsupported || e.Effect != pawl.EffectNone || e.Op != w.name || e.On != "fly" || !strings.Contains(e.Why, "faulty") {
			t.Errorf("got %+v", e)
		}
	})
}

// TestPortBoundsEachCall lets the driver wait for its context: without the
// bound the test never ends.
func TestPortBoundsEachCall(t *testing.T) {
	f := sound()
	f.act = func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	p := driver.NewPort("fly", info, f, time.Millisecond)
	everyPower(t, func(t *testing.T, w power) {
		got, err := w.calls(t.Context(), p)
		e := portError(t, got, err)
		if e.Kind != driver.Unavailable || e.Effect != pawl.EffectUnknown || !e.Passing() || !strings.Contains(e.Error(), "deadline") {
			t.Errorf("a time-out is %+v", e)
		}
	})
}

func TestPortHasADefaultBound(t *testing.T) {
	for _, timeout := range []time.Duration{0, -1} {
		f, left := sound(), time.Duration(0)
		f.act = func(ctx context.Context) error {
			end, ok := ctx.Deadline()
			if left = time.Until(end); !ok {
				t.Error("there is no bound")
			}
			return nil
		}
		if _, err := driver.NewPort("fly", info, f, timeout).Stat(t.Context(), driver.Target{}); err != nil {
			t.Fatal(err)
		}
		if left <= driver.DefaultTimeout-time.Minute/2 || left > driver.DefaultTimeout {
			t.Errorf("with %v a call may take %v, want %v", timeout, left, driver.DefaultTimeout)
		}
	}
}

func TestPortPassesCancellationOn(t *testing.T) {
	f := sound()
	f.act = func(ctx context.Context) error { return ctx.Err() }
	p := driver.NewPort("fly", info, f, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	everyPower(t, func(t *testing.T, w power) {
		got, err := w.calls(ctx, p)
		if e := portError(t, got, err); e.Kind != driver.Unavailable {
			t.Errorf("cancelled is %+v", e)
		}
	})
}

// encodings are the ways in which a vendor or an HTTP client repeats what it
// was sent.
func encodings() map[string]string {
	b := []byte(canary)
	return map[string]string{
		"plain":             canary,
		"quoted":            fmt.Sprintf("%q", canary),
		"base64":            base64.StdEncoding.EncodeToString(b),
		"base64 for URLs":   base64.RawURLEncoding.EncodeToString(b),
		"basic credentials": base64.StdEncoding.EncodeToString([]byte("user:" + canary)),
		"query":             url.Values{"token": {canary}}.Encode(),
		"path":              "/v1/" + url.PathEscape(canary),
		"hex":               hex.EncodeToString(b),
		"hex in capitals":   strings.ToUpper(hex.EncodeToString(b)),
	}
}

// TestPortScrubsErrors gives each encoding of the value in each field of an
// error, and looks for it with the finder that the leak searches use.
func TestPortScrubsErrors(t *testing.T) {
	finder := leak.NewFinder(canary)
	everyPower(t, func(t *testing.T, w power) {
		if !w.sent {
			return // there is no value that the driver could repeat
		}
		for name, echo := range encodings() {
			echo = "refused " + echo + " here"
			for field, err := range map[string]error{
				"Op": &driver.Error{Op: echo}, "On": &driver.Error{On: echo}, "Why": &driver.Error{Why: echo},
				"Next": &driver.Error{Next: echo}, "Err": &driver.Error{Err: errors.New(echo)},
				"a foreign error": errors.New(echo), "a wrapped one": fmt.Errorf("x: %w", &url.Error{Op: "Get", URL: echo, Err: errors.New("y")}),
			} {
				f := sound()
				f.act = func(context.Context) error { return err }
				got, err := w.calls(t.Context(), driver.NewPort("fly", info, f, 0))
				e := portError(t, got, err)
				text := strings.Join([]string{e.Error(), e.Op, e.On, e.Why, e.Next, fmt.Sprintf("%+v %#v", e, e), fmt.Sprint(e.Err)}, "\n")
				if form := finder.Find([]byte(text)); form != "" {
					t.Errorf("%s in %s is left (as %s)", name, field, form)
				}
				if !strings.Contains(text, "[secret]") {
					t.Errorf("%s in %s: nothing says that something was there", name, field)
				}
			}
		}
	})
}

// vendorError keeps what it was sent where no text shows it.
type vendorError struct{ Sent string }

func (*vendorError) Error() string { return "refused" }

// TestPortCutsTheCause: a vendor's error may hold what it was sent, and
// whoever has it could print it.
func TestPortCutsTheCause(t *testing.T) {
	f := sound()
	original := &driver.Error{Op: "put", Kind: driver.Denied, Effect: pawl.EffectNone, Status: 403, RetryAfter: time.Second, Why: canary, Err: &vendorError{Sent: canary}}
	f.act = func(context.Context) error { return original }
	_, err := driver.NewPort("fly", info, f, 0).Put(t.Context(), driver.Write{Value: secret.NewString(canary)})
	e := portError(t, false, err)
	var v *vendorError
	if errors.As(err, &v) {
		t.Error("the vendor's error can be reached")
	}
	if e.Kind != driver.Denied || e.Effect != pawl.EffectNone || e.Status != 403 || e.RetryAfter != time.Second || e.Err == nil {
		t.Errorf("what the engine needs was lost: %+v", e)
	}
	if original.Why != canary {
		t.Error("the driver's own error was changed: it may be shared")
	}
}

// TestPortCompletesErrors: an error that says nothing of its effect must not
// pass for "nothing happened".
func TestPortCompletesErrors(t *testing.T) {
	var none *driver.Error
	for name, given := range map[string]error{"without kind and effect": &driver.Error{Op: "x"}, "a nil *Error": none, "a foreign error": errors.New("x")} {
		f := sound()
		f.act = func(context.Context) error { return given }
		everyPower(t, func(t *testing.T, w power) {
			got, err := w.calls(t.Context(), driver.NewPort("fly", info, f, 0))
			if e := portError(t, got, err); e.Kind != driver.Internal || e.Effect != pawl.EffectUnknown {
				t.Errorf("%s becomes %+v", name, e)
			}
		})
	}
}

func TestPortRefusesAnEmptyMint(t *testing.T) {
	full := secret.NewString(canary)
	for name, parts := range map[string]secret.Parts{
		"nil": nil, "no parts": {}, "an empty part": secret.One(secret.Value{}), "one of two is empty": {"user": full, "password": secret.NewString("")},
	} {
		f := sound()
		f.minted.Value = parts
		m, err := driver.NewPort("fly", info, f, 0).Mint(t.Context(), driver.MintRequest{})
		if e := portError(t, m.Value != nil, err); e.Kind != driver.Malformed || e.Effect != pawl.EffectApplied {
			t.Errorf("%s: %+v; something was made, and it cannot be used", name, e)
		}
	}
}

func TestPortNeverWritesAnEmptyValue(t *testing.T) {
	gone := secret.NewString(canary)
	gone.Destroy()
	for name, v := range map[string]secret.Value{"the zero value": {}, "an empty one": secret.NewString(""), "a destroyed one": gone} {
		f := sound()
		r, err := driver.NewPort("fly", info, f, 0).Put(t.Context(), driver.Write{Value: v})
		if e := portError(t, r.Exists, err); e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || f.puts != 0 {
			t.Errorf("%s: %+v after %d calls of the driver", name, e, f.puts)
		}
	}
}

func TestPortWantsAVerdict(t *testing.T) {
	for _, v := range []driver.Verdict{"", "maybe", "ACCEPTED"} {
		f := sound()
		f.verdict = v
		got, err := driver.NewPort("fly", info, f, 0).Verify(t.Context(), driver.Target{}, value())
		if e := portError(t, got != "", err); e.Kind != driver.Internal || e.Effect != pawl.EffectNone {
			t.Errorf("the verdict %q: %+v", v, e)
		}
	}
	for _, s := range []driver.State{"", "ok", "PASSED"} {
		f := sound()
		f.finding.State = s
		got, err := driver.NewPort("fly", info, f, 0).Check(t.Context(), driver.CheckRequest{})
		if e := portError(t, got.State != "", err); e.Kind != driver.Internal {
			t.Errorf("the state %q: %+v", s, e)
		}
	}
}

// TestPortScrubsFindings: a check's detail is journaled and shown.
func TestPortScrubsFindings(t *testing.T) {
	f := sound()
	f.finding = driver.Finding{State: driver.Failed, Detail: "got " + canary, Link: "https://x.test/?q=" + url.QueryEscape(canary), Resume: "run 7", After: time.Second}
	got, err := driver.NewPort("fly", info, f, 0).Check(t.Context(), driver.CheckRequest{Value: value()})
	if err != nil {
		t.Fatal(err)
	}
	if form := leak.NewFinder(canary).Find([]byte(got.Detail + got.Link)); form != "" {
		t.Errorf("the value is left in a finding, as %s", form)
	}
	if got.State != driver.Failed || got.Resume != "run 7" || got.After != time.Second {
		t.Errorf("the rest became %+v", got)
	}
}

// TestPortScrubsTheVersionBefore: a check that rewrites data has both.
func TestPortScrubsTheVersionBefore(t *testing.T) {
	r := driver.CheckRequest{Value: secret.One(secret.NewString("another value, which is not searched")), Accepted: []secret.Parts{value()}}
	f := sound()
	f.finding = driver.Finding{State: driver.Failed, Detail: "row 7 has " + canary, Link: "https://x.test/" + canary}
	got, err := driver.NewPort("fly", info, f, 0).Check(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if form := leak.NewFinder(canary).Find([]byte(got.Detail + got.Link)); form != "" {
		t.Errorf("it is left in a finding, as %s", form)
	}
	f.act = func(context.Context) error {
		return &driver.Error{Op: "rewrite", On: canary, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "bad: " + canary}
	}
	_, err = driver.NewPort("fly", info, f, 0).Check(t.Context(), r)
	if err == nil {
		t.Fatal("the driver's error is lost")
	}
	if form := leak.NewFinder(canary).Find([]byte(err.Error())); form != "" {
		t.Errorf("it is left in an error, as %s", form)
	}
}

func TestPortClosesItsConnection(t *testing.T) {
	f, boom := sound(), errors.New("boom")
	f.act = func(context.Context) error { return boom }
	if err := driver.NewPort("fly", info, f, 0).Close(); !errors.Is(err, boom) {
		t.Errorf("closing gives %v", err)
	}
}

func TestRegistry(t *testing.T) {
	r := driver.Registry{named("fly"), named("github")}
	if got := r.Drivers(); fmt.Sprint(got) != "[fly github]" {
		t.Errorf("the drivers are %v", got)
	}
	d, ok := r.Driver("github")
	spec, known := r.Spec("github")
	if !ok || !known || d.Info().Name != "github" || spec.Name != "github" {
		t.Error("github is not found")
	}
	if _, ok := r.Driver("Fly"); ok {
		t.Error("another name finds a driver")
	}
	if spec, ok := r.Spec(""); ok || spec.Name != "" {
		t.Error("no name finds a driver")
	}
}

// named is a driver with nothing but a name.
type named string

func (n named) Info() driver.Info { return driver.Info{Spec: estate.Spec{Name: string(n)}} }
func (n named) Open(driver.Env, estate.Settings) (driver.Conn, error) {
	return bare{}, nil
}
