package ledger_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// entry fills every field, so that one that is added and forgotten shows.
func entry(t *testing.T) rotation.Entry {
	t.Helper()
	when := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	e := rotation.Entry{Seq: 7, Rotation: "r1", Time: when, Kind: rotation.KindOutcome, Fence: 3, Actor: "a", Secret: "S", Version: 2,
		Step: "s", Attempt: 1, Result: rotation.ResultOK, Effect: pawl.EffectApplied, ErrorKind: driver.Denied, Why: "w", Next: "n", Detail: "d",
		Before: &driver.Receipt{Exists: true, Revision: "1", UpdatedAt: when}, Receipt: &driver.Receipt{Exists: true, Digest: "x", UpdatedAt: when},
		Strength: "value", Credential: &driver.Credential{ID: "c", Name: "n", CreatedAt: when, ExpiresAt: when, Inactive: true}, Known: []string{"a", "b"},
		Found: []estate.Settings{{"app": "tenant-a"}}, Shadows: []rotation.Shadow{{Place: "ws-1", Holds: rotation.HoldsHidden}},
		Print: "f", Until: when, Resume: "u", Word: rotation.WordApprove, Answers: 4, Digest: "g", Outcome: pawl.Done}
	v := reflect.ValueOf(e)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("the example lacks %s", v.Type().Field(i).Name)
		}
	}
	return e
}

func TestEncodeThenDecode(t *testing.T) {
	e := entry(t)
	body, err := ledger.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(body, []byte(`"seq"`)) || bytes.ContainsAny(body, "\r\n") {
		t.Errorf("the body has its number or a line break: %s", body)
	}
	back, err := ledger.Decode(7, body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ledger.Copy(e), back); diff != "" {
		t.Errorf("what comes back differs:\n%s", diff)
	}
	again, err := ledger.Encode(back)
	if err != nil || !bytes.Equal(again, body) {
		t.Errorf("encoding again gives other bytes, and so another hash: %v", err)
	}
}

func TestEncodingDoesNotDependOnTheZone(t *testing.T) {
	a, b := entry(t), entry(t)
	b.Time, b.Until = b.Time.UTC(), b.Until.In(time.FixedZone("", -7200))
	b.Credential.CreatedAt, b.Receipt.UpdatedAt = b.Credential.CreatedAt.UTC(), b.Receipt.UpdatedAt.UTC()
	x, errX := ledger.Encode(a)
	y, errY := ledger.Encode(b)
	if err := errors.Join(errX, errY); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(x, y) {
		t.Errorf("one instant has two encodings:\n%s\n%s", x, y)
	}
}

func TestCopySharesNothing(t *testing.T) {
	e := entry(t)
	c := ledger.Copy(e)
	c.Before.Revision, c.Receipt.Digest, c.Credential.ID, c.Known[0] = "changed", "changed", "changed", "changed"
	c.Found[0]["app"], c.Shadows[0].Place = "changed", "changed"
	if e.Before.Revision != "1" || e.Receipt.Digest != "x" || e.Credential.ID != "c" || e.Known[0] != "a" || e.Found[0]["app"] != "tenant-a" || e.Shadows[0].Place != "ws-1" {
		t.Errorf("changing the copy changed the entry: %+v", e)
	}
	now := time.Now() // has a monotonic reading
	c = ledger.Copy(rotation.Entry{Time: now})
	if c.Time.Location() != time.UTC || !c.Time.Equal(now) || strings.Contains(c.Time.String(), "m=") {
		t.Errorf("the time became %v", c.Time)
	}
	if c.Before != nil || c.Receipt != nil || c.Credential != nil || c.Known != nil || c.Found != nil || c.Shadows != nil || ledger.CopyCredential(nil) != nil {
		t.Errorf("nothing became something: %+v", c)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, body := range map[string]string{"nothing": "", "half": `{"kind":"out`, "another type": `{"kind":7}`, "a list": `[]`, "a bad time": `{"time":"yesterday"}`, "two": `{}{}`} {
		_, err := ledger.Decode(9, []byte(body))
		if pawl.CodeOf(err) != pawl.CodeCorrupt || pawl.HintOf(err) == "" || !strings.Contains(err.Error(), "record 9") {
			t.Errorf("%s: code %s: %v", name, pawl.CodeOf(err), err)
		}
	}
	if e, err := ledger.Decode(9, []byte(`{"kind":"outcome","of_a_later_pawl":1}`)); err != nil || e.Seq != 9 || e.Kind != rotation.KindOutcome {
		t.Errorf("a name of a later pawl: %+v, %v", e, err)
	}
}

// TestCheckAgreesWithEncode puts times that JSON lacks everywhere.
func TestCheckAgreesWithEncode(t *testing.T) {
	places := map[string]func(*rotation.Entry) *time.Time{
		"time":    func(e *rotation.Entry) *time.Time { return &e.Time },
		"until":   func(e *rotation.Entry) *time.Time { return &e.Until },
		"before":  func(e *rotation.Entry) *time.Time { return &e.Before.UpdatedAt },
		"receipt": func(e *rotation.Entry) *time.Time { return &e.Receipt.UpdatedAt },
		"created": func(e *rotation.Entry) *time.Time { return &e.Credential.CreatedAt },
		"expires": func(e *rotation.Entry) *time.Time { return &e.Credential.ExpiresAt },
	}
	for name, place := range places {
		for _, c := range []struct {
			when time.Time
			fits bool
		}{
			{time.Time{}, true},
			{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), true},
			{time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600)), false}, // 10000 in UTC
			{time.Date(10000, 1, 1, 0, 0, 0, 0, time.FixedZone("", 7200)), true},       // 9999 in UTC
			{time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), false},
			{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), false},
		} {
			e := entry(t)
			*place(&e) = c.when
			_, encoding := ledger.Encode(e)
			for what, err := range map[string]error{"encoding": encoding, "checking": ledger.CheckEntries(entry(t), e)} {
				if (err == nil) != c.fits || err != nil && pawl.CodeOf(err) != pawl.CodeInvalid {
					t.Errorf("%s of %s %v: code %q: %v", what, name, c.when, pawl.CodeOf(err), err)
				}
			}
		}
	}
}
