package system

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// DeliverEvent sends an event of Stripe's, signed with every secret that signs at
// this moment, at each endpoint.
func (s *System) DeliverEvent(ctx context.Context) error {
	payload, err := json.Marshal(map[string]any{"id": "evt_" + rand.Text(), "object": "event", "type": "customer.subscription.updated", "created": s.Clock.Now().Unix(),
		"data": map[string]any{"object": map[string]any{"id": "sub_load", "object": "subscription", "customer": "cus_load", "status": "active"}}})
	if err != nil {
		return err
	}
	for _, e := range s.Stripe.Endpoints() {
		if e.Disabled || len(e.Secrets) == 0 {
			continue
		}
		if err := s.deliver(ctx, e.URL, payload, e.Secrets); err != nil {
			return err
		}
	}
	return nil
}

// deliver sends an event as Stripe does: with a signature of each secret
// (Stripe, "Verify webhook signatures manually").
func (s *System) deliver(ctx context.Context, url string, payload []byte, secrets []string) error {
	at := strconv.FormatInt(s.Clock.Now().Unix(), 10)
	header := []string{"t=" + at}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(at + "."))
		mac.Write(payload)
		header = append(header, "v1="+hex.EncodeToString(mac.Sum(nil)))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	req.Header.Set("Stripe-Signature", strings.Join(header, ","))
	_, err = s.Do(req)
	return err
}
