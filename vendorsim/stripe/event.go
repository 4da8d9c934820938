package stripe

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// delivery is an event on its way to one endpoint.
type delivery struct {
	event    string
	kind     string
	endpoint string
	body     []byte
	attempts []Attempt
	due      time.Time // of the next attempt
	over     bool
	busy     bool
}

// Attempt is one try to bring an event to an endpoint.
type Attempt struct {
	At         time.Time
	Status     int // 0 is no answer
	Signatures int // how many secrets have signed
}

// pauses come between the attempts. Stripe tries for three days in live mode,
// at longer and longer intervals; how long they are is not published.
var pauses = []time.Duration{5 * time.Minute, time.Hour, 3 * time.Hour, 8 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour}

// Emit makes an event about an object, as something at Stripe would, sends it
// to the endpoints that listen, and gives its id.
func (s *Stripe) Emit(kind string, object map[string]any) string {
	s.mu.Lock()
	id := s.emit(kind, object)
	s.mu.Unlock()
	s.Deliver()
	return id
}

func (s *Stripe) emit(kind string, object map[string]any) string {
	id := s.id("evt_1")
	var to []*endpoint
	for _, e := range s.endpoints {
		if e.listens(kind) {
			to = append(to, e)
		}
	}
	for _, e := range to {
		b, err := json.Marshal(map[string]any{"id": id, "object": "event", "api_version": orDefault(e.apiVersion), "created": s.now().Unix(),
			"data": map[string]any{"object": object}, "livemode": s.cfg.Live, "pending_webhooks": len(to),
			"request": map[string]any{"id": nil, "idempotency_key": nil}, "type": kind})
		if err != nil {
			panic("stripe: the object of an event cannot be encoded: " + err.Error())
		}
		s.deliveries = append(s.deliveries, &delivery{event: id, kind: kind, endpoint: e.id, body: b, due: s.now()})
	}
	return id
}

func orDefault(version string) string {
	if version == "" {
		return DefaultVersion
	}
	return version
}

// Deliver makes every attempt that is due. It is called by itself after each
// call and event; retries come due as time passes. Endpoints are called without
// the account being locked: they may call back.
func (s *Stripe) Deliver() {
	if s.cfg.Transport == nil {
		return
	}
	for {
		d, req := s.next()
		if d == nil {
			return
		}
		resp, err := s.cfg.Transport.RoundTrip(req)
		status := 0
		if err == nil {
			status = resp.StatusCode
			_, _ = io.Copy(io.Discard, resp.Body) // Stripe looks at the status alone
			_ = resp.Body.Close()
		}
		s.settle(d, status)
	}
}

// next takes a delivery whose time has come. An endpoint that is disabled or
// gone at that time gets nothing, now or later ("Retries").
func (s *Stripe) next() (*delivery, *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, d := range s.deliveries {
		if d.over || d.busy || d.due.After(now) {
			continue
		}
		e := s.endpoint(d.endpoint)
		if e == nil || e.disabled {
			d.over = true
			continue
		}
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, e.url, bytes.NewReader(d.body))
		if err != nil {
			d.over = true
			continue
		}
		secrets := e.inForce(now)
		req.Header = http.Header{"Content-Type": {"application/json; charset=utf-8"}, "User-Agent": {"Stripe/1.0 (+https://stripe.com/docs/webhooks)"},
			"Stripe-Signature": {sign(now, d.body, secrets, !s.cfg.Live)}}
		d.busy = true
		d.attempts = append(d.attempts, Attempt{At: now, Signatures: len(secrets)})
		return d, req
	}
	return nil, nil
}

// settle notes how an attempt has ended. Only 2xx is a success; a redirect is
// none.
func (s *Stripe) settle(d *delivery, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(d.attempts)
	d.busy, d.attempts[n-1].Status = false, status
	switch {
	case status >= 200 && status < 300, n > len(pauses):
		d.over = true
	default:
		d.due = s.now().Add(pauses[n-1])
	}
}

// sign makes the header Stripe-Signature: the time of this attempt, one v1 for
// each secret in force, and in test mode a v0 that means nothing ("Verify
// webhook signatures manually").
func sign(at time.Time, body []byte, secrets []string, test bool) string {
	header := "t=" + strconv.FormatInt(at.Unix(), 10)
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
		header += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	if test {
		sum := sha256.Sum256(body)
		header += ",v0=" + hex.EncodeToString(sum[:])
	}
	return header
}
