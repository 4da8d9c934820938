package main

import (
	"slices"
	"testing"
	"time"

	sdk "github.com/stripe/stripe-go/v85/webhook"

	"github.com/pawlhq/pawl/examples/saas/webhook"
)

// TestEventsAreTakenByBoth holds that both sides of the comparison have the same
// to do: they take the events that are measured, and refuse them changed.
func TestEventsAreTakenByBoth(t *testing.T) {
	for _, size := range []int{1 << 10, 16 << 10} {
		payload, err := event(size)
		if err != nil || len(payload) != size {
			t.Fatalf("the event has %d bytes and not %d: %v", len(payload), size, err)
		}
		const secret = "whsec_test"
		header := sdk.GenerateTestSignedPayload(&sdk.UnsignedPayload{Payload: payload, Secret: secret, Timestamp: time.Now()}).Header
		changed := slices.Clone(payload)
		changed[size/2] ^= 1
		for _, body := range [][]byte{payload, changed} {
			ours := webhook.Verify(body, header, []string{secret}, tolerance, time.Now())
			_, theirs := sdk.ConstructEvent(body, header, secret)
			if want := &body[0] == &payload[0]; (ours == nil) != want || (theirs == nil) != want {
				t.Errorf("%d bytes, to be taken %v: %v; %v", size, want, ours, theirs)
			}
		}
	}
}
