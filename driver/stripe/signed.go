package stripe

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	sdk "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const opCheck = "send a signed event"

// Check sends the consumer a test event twice: signed with a secret that
// nobody has issued, which it must refuse, and signed with the value, which it
// must take. Without the first, a consumer that verifies nothing would pass.
// It sends no credential.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	if r.Target.Kind != checkSigned {
		return driver.Finding{}, unsupported(opCheck, r.Target.Kind, "there is no such check", "")
	}
	value, ok := r.Value[secret.Single]
	if !ok || value.Empty() {
		return driver.Finding{}, &driver.Error{Op: opCheck, Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "this check needs the signing secret, and pawl does not hold it"}
	}
	to, err := c.consumer(r.Target.Settings.String("url"))
	if err != nil {
		return driver.Finding{}, err
	}
	event, err := c.event(r.Target.Settings)
	if err != nil {
		return driver.Finding{}, err
	}
	made, err := random(c.env.Rand, opCheck, 32)
	if err != nil {
		return driver.Finding{}, err
	}
	took, status, err := to.post(ctx, event, secret.NewString("whsec_"+made), c.env.Now)
	switch {
	case err != nil:
		return driver.Finding{}, err
	case took:
		return finding(driver.Failed, "it takes events that are signed with any secret: status %d", status), nil
	case gone(status):
		return finding(driver.Failed, "nothing takes events there: status %d", status), nil
	}
	took, status, err = to.post(ctx, event, value, c.env.Now)
	switch {
	case err != nil:
		return driver.Finding{}, err
	case !took:
		return finding(driver.Failed, "it refuses an event that is signed with this secret: status %d", status), nil
	default:
		return finding(driver.Passed, "it takes an event that is signed with this secret, and none that is signed with another: status %d", status), nil
	}
}

func finding(state driver.State, format string, status int) driver.Finding {
	return driver.Finding{State: state, Detail: fmt.Sprintf(format, status)}
}

// gone reports whether a refusal is not one of a signature.
func gone(status int) bool {
	return status == http.StatusNotFound || status == http.StatusGone || status == http.StatusMethodNotAllowed
}

// receiver is a consumer's own address, which is none of Stripe's.
type receiver struct {
	client *rest.Client
	q      rest.Request
}

// consumer makes the request to a consumer. Each segment of the path is a
// parameter, so that rest refuses one that would lead elsewhere.
func (c *conn) consumer(where string) (receiver, error) {
	u, err := webURL(opCheck, where)
	if err != nil {
		return receiver{}, err
	}
	env := c.env
	env.Credential = nil
	q := rest.Request{Op: opCheck, On: u.Host, Method: http.MethodPost, Params: map[string]string{}, Query: u.Query(), Anonymous: true}
	segments := strings.Split(strings.TrimPrefix(u.EscapedPath(), "/"), "/")
	for i, segment := range segments {
		if segment == "" {
			continue
		}
		name := strconv.Itoa(i)
		if q.Params[name], err = url.PathUnescape(segment); err != nil {
			return receiver{}, invalid(opCheck, u.Host, "the path of url is not escaped as in a URL", "")
		}
		segments[i] = "{" + name + "}"
	}
	q.Path = "/" + strings.Join(segments, "/")
	return receiver{client: rest.New(rest.Config{Name: "the consumer", Base: u.Scheme + "://" + u.Host, Env: env}), q: q}, nil
}

// post sends the event. took says whether the consumer took it; a refusal is
// no error, an outage is.
func (r receiver) post(ctx context.Context, event []byte, key secret.Value, now pawl.Clock) (took bool, status int, err error) {
	q := r.q
	header, err := signature(event, key, now)
	if err != nil {
		return false, 0, err
	}
	q.Header = http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Stripe-Signature": {header}}
	q.Raw = secret.NewString(string(event))
	var body []byte
	got, err := r.client.Do(ctx, q, &body)
	defer clear(body)
	switch {
	case err == nil && strings.Contains(got.Header.Get("Content-Type"), "json") && !json.Valid(body):
		return false, 0, failed(opCheck, q.On, false, malformed(false, "the answer says that it is JSON and is none"))
	case err == nil: // of any other form: many frameworks call the word "ok" a page of HTML
		return true, got.Status, nil
	}
	var e *driver.Error
	if errors.As(err, &e) && e.Status >= 400 {
		switch e.Kind {
		case driver.Invalid, driver.Unauthenticated, driver.Denied, driver.NotFound:
			return false, e.Status, nil
		}
	}
	return false, 0, err
}

// signature is the header of the documented scheme: the time, and the HMAC of
// the time, a dot and the body under the whole secret ("Verify webhook
// signatures manually").
func signature(event []byte, key secret.Value, now pawl.Clock) (string, error) {
	at, header := now(), ""
	err := key.Use(func(b []byte) error {
		header = fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(webhook.ComputeSignature(at, event, string(b))))
		return nil
	})
	if err != nil {
		return "", &driver.Error{Op: opCheck, Kind: driver.Internal, Effect: pawl.EffectNone, Why: "the signing secret cannot be read any more"}
	}
	return header, nil
}

// event is a customer.subscription.updated of test mode, about a subscription
// that does not exist unless the estate names one. Its id is new each time: a
// consumer that has seen an id before may take the event without looking.
func (c *conn) event(s estate.Settings) ([]byte, error) {
	id, err := random(c.env.Rand, opCheck, 24)
	if err != nil {
		return nil, err
	}
	version, now := orElse(s.String("api_version"), sdk.APIVersion), c.env.Now().Unix()
	subscription := map[string]any{
		"id": orElse(s.String("subscription"), "sub_pawl"+id), "object": "subscription", "customer": orElse(s.String("customer"), "cus_pawl"+id),
		"status": "active", "created": now, "livemode": false, "cancel_at_period_end": false, "currency": "usd", "collection_method": "charge_automatically",
		"items":    map[string]any{"object": "list", "data": []any{}, "has_more": false, "url": "/v1/subscription_items"},
		"metadata": map[string]string{"sent_by": "pawl"},
	}
	b, err := json.Marshal(map[string]any{
		"id": "evt_" + id, "object": "event", "api_version": version, "created": now, "livemode": false, "pending_webhooks": 1,
		"request": map[string]any{"id": nil, "idempotency_key": nil}, "type": "customer.subscription.updated",
		"data": map[string]any{"object": subscription, "previous_attributes": map[string]any{"metadata": map[string]any{"sent_by": nil}}},
	})
	if err != nil {
		return nil, &driver.Error{Op: opCheck, Kind: driver.Internal, Effect: pawl.EffectNone, Why: "the event cannot be encoded"}
	}
	return b, nil
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}
