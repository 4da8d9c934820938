package saas

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

// stripeObject is what the control plane reads of an answer of Stripe's.
type stripeObject struct{ ID, URL string }

// stripe makes a call at Stripe with the machine's key.
func (p *process) stripe(method, path string, form url.Values) (stripeObject, error) {
	var out stripeObject
	req, err := http.NewRequestWithContext(context.Background(), method, "https://"+stripe.Host+path, strings.NewReader(form.Encode()))
	if err != nil {
		return out, err
	}
	req.Header.Set("Authorization", "Bearer "+p.env(StripeKey))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.vendors.RoundTrip(req)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return out, fmt.Errorf("stripe answers HTTP %d", resp.StatusCode)
	}
	return out, json.NewDecoder(resp.Body).Decode(&out)
}

// checkout makes a checkout session and gives the page that the customer is
// sent to.
func checkout(p *process, c *route.Call) {
	session, err := p.stripe(http.MethodPost, "/v1/checkout/sessions", url.Values{"mode": {"setup"}, "currency": {"eur"}, "success_url": {"https://" + Host + "/done"}})
	if err != nil {
		p.refuse(c, http.StatusBadGateway, "checkout failed: "+err.Error())
		return
	}
	c.JSON(http.StatusOK, map[string]any{"url": session.URL})
}

// tolerance is how old a signature may be (Stripe, "Verify webhook signatures
// manually").
const tolerance = 5 * time.Minute

// webhook takes an event that is signed with one of the machine's secrets,
// which are joined by commas. An event that was taken before is taken again
// and does nothing, as Stripe asks of every consumer.
func webhook(p *process, c *route.Call) {
	body, err := io.ReadAll(io.LimitReader(c.R.Body, route.MaxBody))
	if err != nil || !p.signed(c.R.Header.Get("Stripe-Signature"), body) {
		p.refuse(c, http.StatusBadRequest, "invalid signature")
		return
	}
	var event struct{ ID string }
	if json.Unmarshal(body, &event) != nil || event.ID == "" {
		p.refuse(c, http.StatusBadRequest, "no event")
		return
	}
	p.mu.Lock()
	p.events[event.ID] = true
	p.mu.Unlock()
	c.JSON(http.StatusOK, map[string]any{"received": true})
}

// signed reports whether one of the signatures in the header is that of one of
// the machine's secrets.
func (p *process) signed(header string, body []byte) bool {
	var at int64
	var signatures []string
	for _, field := range strings.Split(header, ",") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "t":
			at, _ = strconv.ParseInt(value, 10, 64) // one that is no number is too old
		case "v1":
			signatures = append(signatures, value)
		}
	}
	if age := p.cfg.Now().Sub(time.Unix(at, 0)); age.Abs() > tolerance {
		return false
	}
	for _, secret := range strings.Split(p.env(WebhookSecret), ",") {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.%s", at, body)
		want := hex.EncodeToString(mac.Sum(nil))
		for _, got := range signatures {
			if hmac.Equal([]byte(got), []byte(want)) {
				return true
			}
		}
	}
	return false
}
