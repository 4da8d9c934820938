package webhook_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/examples/saas/webhook"
	sdk "github.com/stripe/stripe-go/v85"
	stripe "github.com/stripe/stripe-go/v85/webhook"
)

const (
	first, second = "whsec_first", "whsec_second"
	tolerance     = 5 * time.Minute
)

var payload = []byte(`{"id":"evt_1","object":"event","api_version":"` + sdk.APIVersion + `","type":"customer.subscription.updated","data":{"object":{"id":"sub_1"}}}`)

// signed is a header by Stripe's own generator.
func signed(at time.Time, secret, scheme string) string {
	return stripe.GenerateTestSignedPayload(&stripe.UnsignedPayload{Payload: payload, Secret: secret, Timestamp: at, Scheme: scheme}).Header
}

func v1(at time.Time, secret string) string {
	return "v1=" + hex.EncodeToString(stripe.ComputeSignature(at, payload, secret))
}

func TestVerify(t *testing.T) {
	now := time.Now()
	stamp := fmt.Sprintf("t=%d,", now.Unix())
	good := signed(now, first, "")
	for name, c := range map[string]struct {
		header  string
		secrets []string
		want    error
	}{
		"signed":                       {good, []string{first}, nil},
		"by the second secret":         {signed(now, second, ""), []string{first, second}, nil},
		"by the first secret":          {good, []string{first, second}, nil},
		"by both, one is accepted":     {stamp + v1(now, second) + "," + v1(now, first), []string{first}, nil},
		"beside a v0":                  {stamp + "v0=" + strings.Repeat("0", 64) + "," + v1(now, first), []string{first}, nil},
		"beside what is no hex":        {stamp + "v1=zz," + v1(now, first), []string{first}, nil},
		"in capitals":                  {stamp + "v1=" + strings.ToUpper(v1(now, first)[3:]), []string{first}, nil},
		"old, inside the tolerance":    {signed(now.Add(-4*time.Minute), first, ""), []string{first}, nil},
		"future, inside the tolerance": {signed(now.Add(4*time.Minute), first, ""), []string{first}, nil},
		"an empty secret beside":       {good, []string{"", first}, nil},

		"by another secret":    {good, []string{second}, webhook.ErrSignature},
		"old":                  {signed(now.Add(-6*time.Minute), first, ""), []string{first}, webhook.ErrTooOld},
		"future":               {signed(now.Add(6*time.Minute), first, ""), []string{first}, webhook.ErrTooNew},
		"by v0 alone":          {signed(now, first, "v0"), []string{first}, webhook.ErrSignature},
		"by v2 alone":          {signed(now, first, "v2"), []string{first}, webhook.ErrSignature},
		"of another instant":   {stamp + v1(now.Add(-time.Second), first), []string{first}, webhook.ErrSignature},
		"cut off":              {good[:len(good)-2], []string{first}, webhook.ErrSignature},
		"by an empty secret":   {signed(now, "", ""), []string{""}, webhook.ErrNoSecret},
		"without secrets":      {good, nil, webhook.ErrNoSecret},
		"not signed":           {"", []string{first}, webhook.ErrNotSigned},
		"without an instant":   {v1(now, first), []string{first}, webhook.ErrHeader},
		"an instant in words":  {"t=now," + v1(now, first), []string{first}, webhook.ErrHeader},
		"a field without =":    {good + ",x", []string{first}, webhook.ErrHeader},
		"a field with two =":   {good + ",x=1=2", []string{first}, webhook.ErrHeader},
		"one that ends with ,": {good + ",", []string{first}, webhook.ErrHeader},
	} {
		if err := webhook.Verify(payload, c.header, c.secrets, tolerance, now); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestEachByteOfThePayloadCounts(t *testing.T) {
	now := time.Now()
	header := signed(now, first, "")
	for i := range payload {
		tampered := append([]byte(nil), payload...)
		tampered[i] ^= 1
		if err := webhook.Verify(tampered, header, []string{first}, tolerance, now); !errors.Is(err, webhook.ErrSignature) {
			t.Fatalf("with byte %d changed: got %v", i, err)
		}
	}
}

// agree holds Verify against Stripe's library, which knows one secret and lets
// the future pass.
func agree(t *testing.T, body []byte, header string) {
	t.Helper()
	now := time.Now()
	got := webhook.Verify(body, header, []string{first}, tolerance, now)
	theirs := stripe.ValidatePayloadWithTolerance(body, header, first, tolerance)
	switch {
	case (got == nil) == (theirs == nil), errors.Is(got, webhook.ErrTooNew):
	case now.Sub(time.Now()).Abs() > time.Second: // the machine has paused between the two
	default:
		t.Errorf("header %q: Verify says %v, Stripe's library %v", header, got, theirs)
	}
}

func TestStripesLibraryAgrees(t *testing.T) {
	now := time.Now()
	for _, at := range []time.Time{now, now.Add(-time.Hour), now.Add(-time.Minute)} {
		for _, secret := range []string{first, second, ""} {
			for _, kind := range []string{"", "v0"} {
				agree(t, payload, signed(at, secret, kind))
			}
		}
	}
	good := signed(now, first, "")
	for _, header := range []string{"", ",", "t=1", good + ",", good + ",a=b", "a=b," + good, good + "," + good, good + ",t=5", "t=5," + good, " " + good, strings.Replace(good, "t=", "t=+", 1), strings.Replace(good, "t=", "t=0", 1), strings.Replace(good, ",", ", ", 1)} {
		agree(t, payload, header)
	}
}

func FuzzVerify(f *testing.F) {
	now := time.Now()
	for _, header := range []string{"", "t=1,v1=00", signed(now, first, ""), signed(now, second, ""), signed(now, first, "v0"), v1(now, first)} {
		f.Add(payload, header)
	}
	f.Fuzz(func(t *testing.T, body []byte, header string) { agree(t, body, header) })
}

func TestItAllocatesLittle(t *testing.T) {
	now := time.Now()
	header := signed(now, first, "")
	theirs := testing.AllocsPerRun(100, func() { _ = stripe.ValidatePayload(payload, header, first) })
	ours := testing.AllocsPerRun(100, func() { _ = webhook.Verify(payload, header, []string{first}, tolerance, now) })
	if ours >= theirs {
		t.Errorf("Verify makes %.0f allocations, Stripe's library %.0f", ours, theirs)
	}
}

// BenchmarkVerify is beside Stripe's own verification of the same payload:
// "stripe-go" is what its documentation calls, which reads the event too, and
// "stripe-go signature" its verification alone.
func BenchmarkVerify(b *testing.B) {
	now := time.Now()
	header, secrets := signed(now, first, ""), []string{first}
	for name, verify := range map[string]func() error{
		"Verify":              func() error { return webhook.Verify(payload, header, secrets, tolerance, now) },
		"stripe-go signature": func() error { return stripe.ValidatePayloadWithTolerance(payload, header, first, time.Hour) },
		"stripe-go": func() error {
			_, err := stripe.ConstructEventWithTolerance(payload, header, first, time.Hour)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				if err := verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
