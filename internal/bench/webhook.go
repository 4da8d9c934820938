package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v85"
	sdk "github.com/stripe/stripe-go/v85/webhook"

	"github.com/pawlhq/pawl/examples/saas/webhook"
)

// tolerance is that of examples/saas, and the default of stripe-go.
const tolerance = sdk.DefaultTolerance

// webhooks measures what it takes to verify an event of Stripe's, beside
// stripe-go on the same bytes: its ConstructEvent, which reads the event too,
// and its ValidatePayload, which does not. What bounds all of them is the HMAC
// over the payload, which is measured alone. While a secret is rolled there are
// two: the event is signed by the second, so that the first is tried in vain.
func webhooks(_ context.Context, _ *bench) error {
	for _, size := range []int{1 << 10, 16 << 10} {
		for _, secrets := range [][]string{{"whsec_new"}, {"whsec_old", "whsec_new"}} {
			if err := webhookOf(size, secrets); err != nil {
				return err
			}
		}
	}
	return nil
}

// webhookOf measures events of a size that the last of some secrets has signed.
func webhookOf(size int, secrets []string) error {
	payload, err := event(size)
	if err != nil {
		return err
	}
	last := secrets[len(secrets)-1]
	signed := sdk.GenerateTestSignedPayload(&sdk.UnsignedPayload{Payload: payload, Secret: last, Timestamp: time.Now()})
	each := func(try func(secret string) error) func() error {
		return func() (err error) {
			for _, s := range secrets {
				if err = try(s); err == nil {
					return nil
				}
			}
			return err
		}
	}
	took, err := inTurns(
		func() error { return webhook.Verify(payload, signed.Header, secrets, tolerance, time.Now()) },
		each(func(s string) error { return sdk.ValidatePayload(payload, signed.Header, s) }),
		each(func(s string) error { _, err := sdk.ConstructEvent(payload, signed.Header, s); return err }),
		func() error {
			for _, s := range secrets {
				mac := hmac.New(sha256.New, []byte(s))
				mac.Write(payload)
				mac.Sum(nil)
			}
			return nil
		})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("webhook_%dKiB", size>>10)
	if len(secrets) > 1 {
		what += "_rolled"
	}
	show(what+"_verify_p50", took[0], "us")
	show(what+"_ValidatePayload_p50", took[1], "us")
	show(what+"_ConstructEvent_p50", took[2], "us")
	show(what+"_to_ValidatePayload", took[0]/took[1], "ratio")
	show(what+"_to_ConstructEvent", took[0]/took[2], "ratio")
	show(what+"_to_HMAC_alone", took[0]/took[3], "ratio")
	return nil
}

const (
	turns = 41
	slice = 2 * time.Millisecond
)

// inTurns gives the median of what each of some functions takes, in microseconds.
// They take turns, so that a machine that slows down slows all of them down.
func inTurns(do ...func() error) ([]float64, error) {
	took := make([][]float64, len(do))
	for range turns {
		for i, f := range do {
			n, began := 0, time.Now()
			for ; time.Since(began) < slice; n += 16 {
				for range 16 {
					if err := f(); err != nil {
						return nil, err
					}
				}
			}
			took[i] = append(took[i], float64(time.Since(began))/float64(time.Microsecond)/float64(n))
		}
	}
	medians := make([]float64, len(do))
	for i := range took {
		medians[i] = median(took[i])
	}
	return medians, nil
}

// event is a change of a subscription whose JSON has a size. Items are added as
// far as there is room, and a text fills the rest.
func event(size int) ([]byte, error) {
	var items []any
	note := ""
	for {
		b, err := json.Marshal(map[string]any{"id": "evt_bench", "object": "event", "api_version": stripe.APIVersion, "created": 1772614800, "livemode": true, "pending_webhooks": 1,
			"type": "customer.subscription.updated", "data": map[string]any{"object": map[string]any{"id": "sub_bench", "object": "subscription", "customer": "cus_bench", "status": "active",
				"items": map[string]any{"object": "list", "data": items}, "metadata": map[string]any{"note": note}}}})
		switch room := size - len(b); {
		case err != nil:
			return nil, err
		case room == 0:
			return b, nil
		case room < 0:
			return nil, fmt.Errorf("an event of %d bytes has no room for its fields", size)
		case room < 256:
			note = strings.Repeat("n", room)
		default:
			items = append(items, map[string]any{"id": fmt.Sprintf("si_%06d", len(items)), "object": "subscription_item", "quantity": 1,
				"price": map[string]any{"id": "price_bench", "object": "price", "currency": "eur", "lookup_key": "team", "unit_amount": 4900}})
		}
	}
}
