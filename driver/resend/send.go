package resend

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

// readGrace is how long a new email may not be found yet. Resend says nothing
// of it; half a minute is pawl's own choice.
const readGrace = 30 * time.Second

// body is what the test email says. It is the same in each attempt: Resend
// refuses another payload under the same idempotency key.
const body = "This email shows that a new API key of Resend can send. Pawl has sent it while it rotated the key. Nobody needs to do anything."

// checkSend sends an email with the key, and then watches it with the
// connection's own.
func (c *conn) checkSend(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	const op = "send test email"
	if r.Resume != "" {
		return c.watch(ctx, r)
	}
	if len(r.Value) == 0 {
		return driver.Finding{}, &driver.Error{Op: op, Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "this check sends with the key, and pawl does not hold it"}
	}
	key, err := single(op, r.Value)
	if err != nil {
		return driver.Finding{}, err
	}
	once, err := onceOnly(op, r, key)
	if err != nil {
		return driver.Finding{}, err
	}
	s := r.Target.Settings
	var sent struct{ ID string }
	_, err = c.call(ctx, rest.Request{Op: op, Method: http.MethodPost, Path: pathEmails, As: key, Header: http.Header{"Idempotency-Key": {once}},
		JSON: map[string]any{"from": s.String("from"), "to": []string{s.String("to")}, "subject": s.String("subject"), "text": body}}, &sent)
	switch {
	case err != nil:
		return refused(err)
	case sent.ID == "":
		return driver.Finding{}, malformed(op, "", pawl.EffectUnknown, "the answer does not name the email")
	}
	return driver.Finding{State: driver.Pending, After: time.Second, Resume: sent.ID, Detail: "Resend has taken the test email", Link: email{ID: sent.ID}.link()}, nil
}

// onceOnly makes the idempotency key: the same for each attempt of one run of
// the check, so that a lost answer sends no second email, and another for each
// key that is tried, so that no key is proven by what another has sent. It is a
// keyed digest under the key itself and tells nothing of it.
func onceOnly(op string, r driver.CheckRequest, key secret.Value) (string, error) {
	var sum []byte
	err := key.Use(func(b []byte) error {
		m := hmac.New(sha256.New, b)
		s := r.Target.Settings
		for _, part := range []string{"pawl send check", r.Since.UTC().Format(time.RFC3339Nano), s.String("from"), s.String("to"), s.String("subject")} {
			fmt.Fprintf(m, "%d:%s", len(part), part) // a digest takes everything
		}
		sum = m.Sum(nil)
		return nil
	})
	if err != nil {
		return "", &driver.Error{Op: op, Kind: driver.Internal, Effect: pawl.EffectNone, Why: "the value cannot be read any more"}
	}
	return "pawl-" + hex.EncodeToString(sum[:16]), nil
}

// refused tells Resend's word about the key or its domain, which is a finding,
// from everything else. It is Resend's word only with a name that is known: a
// gateway's 403 says nothing of the key.
func refused(err error) (driver.Finding, error) {
	e := failure(err)
	switch {
	case errors.Is(err, errDead):
		return driver.Finding{State: driver.Failed, Final: true, Detail: "Resend does not take the key"}, nil
	case e.Status == http.StatusForbidden && errors.Is(err, errMayNot):
		return driver.Finding{State: driver.Failed, Final: true, Detail: "Resend does not send this with the key: " + e.Why, Link: domainsPage}, nil
	default:
		return driver.Finding{}, err
	}
}

// watch looks at the email that was sent. The connection's key is of another
// team where it stays unknown.
func (c *conn) watch(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	e, err := c.show(ctx, "look at test email", r.Resume)
	if kindOf(err) == driver.NotFound {
		if c.env.Now().Sub(r.Since) < readGrace {
			return driver.Finding{State: driver.Pending, After: lookAfter, Resume: r.Resume, Detail: "Resend does not show the test email yet"}, nil
		}
		failure(err).Next = "give the connection a key of the team whose key is rotated"
	}
	if err != nil {
		return driver.Finding{}, err
	}
	f := e.finding(r.Target.Settings.String("event"))
	if f.State == driver.Pending {
		f.Resume = r.Resume
	}
	return f, nil
}
