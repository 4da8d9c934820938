package resend

import (
	"context"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

// lookAfter is how long to wait before looking again.
const lookAfter = 5 * time.Second

// email is Resend's record of an email.
type email struct {
	ID        string   `json:"id"`
	To        []string `json:"to"`
	From      string   `json:"from"`
	Subject   string   `json:"subject"`
	CreatedAt string   `json:"created_at"`
	Event     string   `json:"last_event"`
}

// reached judges the last event of an email: whether it got as far as is
// wanted, may still do so, or never will. Complaints come after delivery.
func (e email) reached(wanted string) driver.State {
	switch e.Event {
	case "delivered", "opened", "clicked", "complained":
		return driver.Passed
	case "sent", "delivery_delayed":
		if wanted == eventSent {
			return driver.Passed
		}
		return driver.Pending
	case "queued", "scheduled":
		return driver.Pending
	default: // bounced, canceled, failed, suppressed
		return driver.Failed
	}
}

// finding tells what is so about an email. It names neither its people nor its
// subject: both may be somebody's own.
func (e email) finding(wanted string) driver.Finding {
	f := driver.Finding{State: e.reached(wanted), Detail: "Resend has the email; its last event is " + word(e.Event), Link: e.link()}
	if f.State == driver.Pending {
		f.After = lookAfter
	}
	return f
}

// idForm is the form of an email's id.
var idForm = regexp.MustCompile(`^[0-9a-fA-F-]{36}$`)

func (e email) link() string {
	if !idForm.MatchString(e.ID) {
		return "https://resend.com/emails"
	}
	return "https://resend.com/emails/" + e.ID
}

// wish is what an email must have.
type wish struct{ to, from, subject, event string }

func wishOf(op string, s estate.Settings) (wish, error) {
	w := wish{to: address(s.String("to")), from: address(s.String("from")), subject: s.String("subject"), event: s.String("event")}
	if w.to == "" {
		return w, invalid(op, "", "nothing says who gets the email", "set `to`")
	}
	return w, nil
}

// address gives the address of a line like "Acme <noreply@acme.example>", in
// small letters.
func address(text string) string {
	if a, err := mail.ParseAddress(text); err == nil {
		text = a.Address
	}
	return strings.ToLower(strings.TrimSpace(text))
}

func (w wish) fits(e email) bool {
	return slices.ContainsFunc(e.To, func(to string) bool { return address(to) == w.to }) &&
		(w.from == "" || address(e.From) == w.from) && strings.Contains(e.Subject, w.subject)
}

// checkSeen looks for an email that somebody has sent since the check began.
// The best of several counts.
func (c *conn) checkSeen(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	const op = "look for email"
	w, err := wishOf(op, r.Target.Settings)
	if err != nil {
		return driver.Finding{}, err
	}
	best := driver.Finding{State: driver.Pending, After: lookAfter, Detail: "no such email was sent since the check began", Link: "https://resend.com/emails"}
	seen := false
	err = walk(ctx, c, rest.Request{Op: op, Path: pathEmails}, func(e email) string { return e.ID }, func(part []email, h http.Header) bool {
		since := c.sinceThere(r.Since, h)
		for _, e := range part {
			at, ok := instant(e.CreatedAt)
			if ok && at.Before(since) {
				return false // older ones follow
			}
			if f := e.finding(w.event); ok && w.fits(e) && (!seen || better(f.State, best.State)) {
				best, seen = f, true
			}
		}
		return best.State != driver.Passed
	})
	if err != nil {
		return driver.Finding{}, err
	}
	return best, nil
}

func better(a, b driver.State) bool {
	rank := map[driver.State]int{driver.Failed: 0, driver.Pending: 1, driver.Passed: 2}
	return rank[a] > rank[b]
}

// sinceThere gives an instant by Resend's clock, from the Date of an answer,
// which counts whole seconds: an email is stamped by that clock.
func (c *conn) sinceThere(since time.Time, h http.Header) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		if ahead := date.Sub(c.env.Now()); ahead.Abs() > 2*time.Second {
			since = since.Add(ahead)
		}
	}
	return since.UTC().Truncate(time.Second)
}

// show reads one email.
func (c *conn) show(ctx context.Context, op, id string) (email, error) {
	var e email
	_, err := c.call(ctx, rest.Request{Op: op, On: id, Method: http.MethodGet, Path: pathEmail, Params: map[string]string{"email_id": id}}, &e)
	if err == nil && e.ID != id {
		return e, malformed(op, id, pawl.EffectNone, "the answer is about another email")
	}
	return e, err
}
