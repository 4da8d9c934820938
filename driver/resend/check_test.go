package resend_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
	sim "github.com/pawlhq/pawl/vendorsim/resend"
)

// TestFromLine: the value is the From line, and only one whose domain is
// verified for sending passes.
func TestFromLine(t *testing.T) {
	s := newSite(t, sim.Config{})
	for i := range 150 { // more than one page
		s.AddDomain(fmt.Sprintf("d%d.example", i), sim.Verified)
	}
	for _, status := range []string{sim.NotStarted, sim.Pending, sim.Failed, sim.PartiallyVerified, sim.PartiallyFailed} {
		s.AddDomain(strings.ReplaceAll(status, "_", "-")+".example", status)
	}
	s.AddDomain("receives.example", sim.Verified)
	s.StopSending("receives.example")
	for value, want := range map[string]driver.State{
		"Acme <noreply@acme.example>":         driver.Passed,
		"noreply@acme.example":                driver.Passed,
		"Acme <noreply@ACME.Example>\n":       driver.Passed,
		`"Acme, Inc." <noreply@acme.example>`: driver.Passed,
		"acme.example":                        driver.Passed,
		"Acme <noreply@sub.acme.example>":     driver.Failed, // a subdomain is another domain
		"Acme <noreply@other.example>":        driver.Failed,
		"Acme <onboarding@resend.dev>":        driver.Failed,
		"a@not-started.example":               driver.Failed,
		"a@pending.example":                   driver.Failed,
		"a@failed.example":                    driver.Failed,
		"a@partially-verified.example":        driver.Failed,
		"a@partially-failed.example":          driver.Failed,
		"a@receives.example":                  driver.Failed,
		"Acme noreply@acme.example":           driver.Failed, // no From line
		"Acme <noreply@acme.example":          driver.Failed,
		"a@acme.example, b@acme.example":      driver.Failed,
		"a@evil.example\r\nBcc: b@c.example":  driver.Failed,
		"Acme":                                driver.Failed,
		"x/../acme.example":                   driver.Failed,
	} {
		s.seen = nil
		f, err := s.port.Check(t.Context(), driver.CheckRequest{Target: target("domain_verified"), Value: one(value), Since: s.now})
		if err != nil || f.State != want {
			t.Errorf("%q is %s (%s), want %s: %v", value, f.State, f.Detail, want, err)
		}
		if strings.Contains(f.Detail+f.Link, "example") {
			t.Errorf("the finding tells of the value: %s %s", f.Detail, f.Link)
		}
		for _, r := range s.seen {
			if strings.Contains(r.URL.String(), "example") {
				t.Errorf("the URL tells of the value: %s", r.URL)
			}
		}
	}
}

func TestFromSetting(t *testing.T) {
	s := newSite(t, sim.Config{})
	s.AddDomain("mail.acme.example", sim.Pending)
	look := func(from string, value secret.Parts) (driver.Finding, error) {
		return s.port.Check(t.Context(), driver.CheckRequest{Target: target("domain_verified", "from", from), Value: value, Since: s.now})
	}
	if f, err := look(sender, nil); err != nil || f.State != driver.Passed || f.Detail != "the domain acme.example is verified" {
		t.Errorf("a fixed line: %+v, %v", f, err)
	}
	if f, err := look("mail.acme.example", nil); err != nil || f.State != driver.Failed || !strings.Contains(f.Detail, "mail.acme.example is not verified but pending") {
		t.Errorf("a domain that is pending: %+v, %v", f, err)
	}
	if f, err := look("Acme <{{.value}}@acme.example>", one("noreply")); err != nil || f.State != driver.Passed {
		t.Errorf("a template: %+v, %v", f, err)
	}
	for _, from := range []string{"", "{{.value}}"} {
		if _, err := look(from, nil); kindOf(err) != driver.NoValue {
			t.Errorf("%q without a value: %v, want no value", from, err)
		}
	}
	if _, err := look("{{.other.thing}}", one("noreply")); kindOf(err) != driver.Invalid {
		t.Errorf("a template that cannot be made: %v", err)
	}
}

var slow = sim.Config{EmailLag: 2 * time.Second, Sending: 4 * time.Second, Delivering: 20 * time.Second}

// seenAt is a check for the email of a site's application.
func seenAt(s *site, pairs ...any) driver.CheckRequest {
	return driver.CheckRequest{Target: target("email_seen", append([]any{"to", "Owner@umbrella.example", "event", "sent"}, pairs...)...), Since: s.now}
}

func (s *site) send(m sim.Mail) string {
	s.t.Helper()
	if err := s.Send(s.credential, m); err != nil {
		s.t.Fatal(err)
	}
	all := s.Emails()
	return all[len(all)-1].ID
}

var erased = sim.Mail{From: sender, To: "Owner <owner@umbrella.example>", Subject: "Your data was erased"}

// TestSeen: a real send, seen in Resend's own log within a minute.
func TestSeen(t *testing.T) {
	s := newSite(t, slow)
	s.send(erased) // before: it proves nothing of the new key
	s.now = s.now.Add(10 * time.Second)
	r := seenAt(s, "from", "noreply@acme.example", "subject", "erased")
	if f, err := s.port.Check(t.Context(), r); err != nil || f.State != driver.Pending || f.After <= 0 {
		t.Fatalf("before anything is sent: %+v, %v", f, err)
	}
	before := len(s.Emails())
	s.now = s.now.Add(3 * time.Second)
	s.send(sim.Mail{From: sender, To: "somebody@else.example", Subject: "Your data was erased"})
	s.send(sim.Mail{From: sender, To: "owner@umbrella.example", Subject: "Welcome"})
	s.send(sim.Mail{From: "other@acme.example", To: "owner@umbrella.example", Subject: "Your data was erased"})
	s.now = s.now.Add(10 * time.Second)
	if f, err := s.port.Check(t.Context(), r); err != nil || f.State != driver.Pending {
		t.Fatalf("with emails that are like it: %+v, %v", f, err)
	}
	id, begin := s.send(erased), s.now
	f, err := s.check(r)
	if err != nil || f.State != driver.Passed || !strings.HasSuffix(f.Link, "/"+id) || s.now.Sub(begin) > time.Minute {
		t.Errorf("after %s: %+v, %v", s.now.Sub(begin), f, err)
	}
	if strings.Contains(f.Detail, "umbrella") || strings.Contains(f.Detail, "erased") {
		t.Errorf("the finding tells of the email: %s", f.Detail)
	}
	if len(s.Emails()) != before+4 {
		t.Error("the check sends something itself")
	}
}

func TestSeenEvents(t *testing.T) {
	for event, want := range map[string][2]driver.State{ // with event: sent, and with event: delivered
		"queued": {driver.Pending, driver.Pending}, "scheduled": {driver.Pending, driver.Pending},
		"sent": {driver.Passed, driver.Pending}, "delivery_delayed": {driver.Passed, driver.Pending},
		"delivered": {driver.Passed, driver.Passed}, "opened": {driver.Passed, driver.Passed}, "clicked": {driver.Passed, driver.Passed}, "complained": {driver.Passed, driver.Passed},
		"bounced": {driver.Failed, driver.Failed}, "canceled": {driver.Failed, driver.Failed}, "failed": {driver.Failed, driver.Failed}, "suppressed": {driver.Failed, driver.Failed},
	} {
		s := newSite(t, sim.Config{})
		r := seenAt(s)
		s.SetEvent(s.send(erased), event)
		for i, wanted := range []string{"sent", "delivered"} {
			r.Target.Settings["event"] = wanted
			if f, err := s.port.Check(t.Context(), r); err != nil || f.State != want[i] {
				t.Errorf("%s where %s is wanted: %+v, %v", event, wanted, f, err)
			}
		}
	}
}

// TestSeenEventThatIsNotKnown: what Resend may say one day proves nothing, and
// its text does not become the finding's.
func TestSeenEventThatIsNotKnown(t *testing.T) {
	s := newSite(t, sim.Config{})
	s.always(200, fmt.Sprintf(`{"object":"list","has_more":false,"data":[{"id":"e","to":["owner@umbrella.example"],"from":"a@b.example","subject":"s","created_at":%q,"last_event":"Odd <b>text</b>"}]}`,
		s.now.Format(time.RFC3339)))
	if f, err := s.port.Check(t.Context(), seenAt(s)); err != nil || f.State != driver.Failed || strings.Contains(f.Detail, "Odd") {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestSeenTakesTheBest: a bounce does not hide the email that went out.
func TestSeenTakesTheBest(t *testing.T) {
	s := newSite(t, sim.Config{})
	r := seenAt(s)
	for range 120 {
		s.send(sim.Mail{From: sender, To: "others@else.example", Subject: "news"})
	}
	s.SetEvent(s.send(erased), sim.Bounced)
	good := s.send(erased)
	for range 120 {
		s.SetEvent(s.send(erased), sim.Bounced)
	}
	f, err := s.port.Check(t.Context(), r)
	if err != nil || f.State != driver.Passed || !strings.HasSuffix(f.Link, good) {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestSeenNeedsToKnowWhich(t *testing.T) {
	s := newSite(t, sim.Config{})
	_, err := s.port.Check(t.Context(), driver.CheckRequest{Target: target("email_seen", "event", "sent"), Since: s.now})
	if kindOf(err) != driver.Invalid || len(s.seen) != 0 {
		t.Errorf("a check for any email: %v", err)
	}
}

// TestSeenByTheClockThere: emails are stamped by Resend's clock.
func TestSeenByTheClockThere(t *testing.T) {
	for _, ahead := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		s := newSite(t, sim.Config{})
		there := s.now.Add(ahead)
		list := func(at time.Time) {
			body := fmt.Sprintf(`{"object":"list","has_more":false,"data":[{"id":"e","to":["owner@umbrella.example"],"from":"a@b.example","subject":"s","created_at":%q,"last_event":"sent"}]}`,
				at.Format("2006-01-02 15:04:05.000000-07"))
			s.answer = func(r *http.Request) *http.Response {
				resp := says(r, 200, "application/json", body)
				resp.Header.Set("Date", there.Format(http.TimeFormat))
				return resp
			}
		}
		for age, want := range map[time.Duration]driver.State{0: driver.Passed, time.Minute: driver.Pending} {
			list(there.Add(-age))
			if f, err := s.port.Check(t.Context(), seenAt(s)); err != nil || f.State != want {
				t.Errorf("%s ahead, an email from %s before: %+v, %v", ahead, age, f, err)
			}
		}
	}
}

// sendAt is a check that sends with a value.
func sendAt(s *site, value string) driver.CheckRequest {
	return driver.CheckRequest{Target: target("send", "from", sender, "to", "delivered@resend.dev", "subject", "test", "event", "delivered"), Value: one(value), Since: s.now}
}

func TestSend(t *testing.T) {
	s := newSite(t, slow)
	id, value := s.AddKey("app-v2", sim.SendingAccess, "acme.example")
	f, err := s.check(sendAt(s, value))
	if err != nil || f.State != driver.Passed {
		t.Fatalf("%+v, %v", f, err)
	}
	all := s.Emails()
	if len(all) != 1 || all[0].KeyID != id || all[0].From != sender || all[0].To[0] != "delivered@resend.dev" {
		t.Errorf("sent %+v, want one email by the new key", all)
	}
	for _, r := range s.seen {
		if h := fmt.Sprint(r.URL, r.Header["Idempotency-Key"]); strings.Contains(h, value) || strings.Contains(h, value[len(value)-12:]) {
			t.Error("the value is in a URL or in the idempotency key")
		}
	}
}

// TestSendOnce: an answer that was lost sends nothing twice, and another key
// is not proven by what the first one has sent.
func TestSendOnce(t *testing.T) {
	s := newSite(t, sim.Config{})
	_, value := s.AddKey("app-v2", sim.SendingAccess, "")
	other, second := s.AddKey("other-v2", sim.SendingAccess, "")
	r := sendAt(s, value)
	lost := true
	s.answer = func(q *http.Request) *http.Response {
		if q.Method != http.MethodPost || !lost {
			return nil
		}
		lost = false
		b, _ := io.ReadAll(q.Body)
		q.Body = io.NopCloser(bytes.NewReader(b))
		s.answer = nil
		if resp, err := s.RoundTrip(q); err != nil || resp.StatusCode != 200 {
			t.Fatalf("the email was not taken: %v", err)
		}
		return says(q, 502, "text/html", "<html>")
	}
	if _, err := s.port.Check(t.Context(), r); kindOf(err) != driver.Unavailable {
		t.Fatalf("a lost answer: %v", err)
	}
	s.now = s.now.Add(time.Minute)
	if f, err := s.check(r); err != nil || f.State != driver.Passed || len(s.Emails()) != 1 {
		t.Errorf("after a lost answer: %+v, %v, and %d emails, want one", f, err, len(s.Emails()))
	}
	r.Value = one(second)
	if f, err := s.check(r); err != nil || f.State != driver.Passed || len(s.Emails()) != 2 || s.Emails()[1].KeyID != other {
		t.Errorf("with another key at the same instant: %+v, %v, %+v", f, err, s.Emails())
	}
	r.Value, r.Since = one(value), s.now
	if f, err := s.check(r); err != nil || f.State != driver.Passed || len(s.Emails()) != 3 {
		t.Errorf("a check that is run again sends again: %+v, %v, %d emails", f, err, len(s.Emails()))
	}
}

func TestSendRefused(t *testing.T) {
	for what, c := range map[string]struct {
		cfg    sim.Config
		spoil  func(s *site, id string)
		from   string
		detail string
	}{
		"a dead key":                         {sim.Config{}, func(s *site, id string) { s.DeleteKey(id) }, sender, "does not take the key"},
		"a dead key, as observed":            {sim.Config{DeadKeys: sim.AsObserved}, func(s *site, id string) { s.DeleteKey(id) }, sender, "does not take the key"},
		"a domain that is not verified":      {sim.Config{}, func(s *site, _ string) { s.SetDomain("acme.example", sim.Pending) }, sender, "The acme.example domain is not verified"},
		"a domain that is not there":         {sim.Config{}, nil, "a@sub.acme.example", "The sub.acme.example domain is not verified"},
		"a domain that is not the key's own": {sim.Config{}, func(s *site, _ string) { s.AddDomain("two.example", sim.Verified) }, "a@two.example", ""},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t, c.cfg)
			domain := ""
			if c.detail == "" {
				domain, c.detail = "acme.example", "not authorized to send emails from two.example"
			}
			id, value := s.AddKey("app-v2", sim.SendingAccess, domain)
			if c.spoil != nil {
				c.spoil(s, id)
			}
			r := sendAt(s, value)
			r.Target.Settings["from"] = c.from
			f, err := s.port.Check(t.Context(), r)
			if err != nil || f.State != driver.Failed || !f.Final || !strings.Contains(f.Detail, c.detail) || len(s.Emails()) != 0 {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

// TestSendProvesNothing by answers that are not about the key.
func TestSendProvesNothing(t *testing.T) {
	for what, c := range map[string]struct {
		code int
		body string
		kind driver.ErrorKind
	}{
		"a quota":           {429, `{"statusCode":429,"name":"daily_quota_exceeded","message":"You have reached your daily email sending quota."}`, driver.Denied},
		"a limit":           {429, `{"statusCode":429,"name":"rate_limit_exceeded","message":"Too many requests."}`, driver.Limited},
		"a firewall":        {403, `{"message":"blocked"}`, driver.Denied},
		"a proxy":           {401, `{"message":"log in"}`, driver.Unauthenticated},
		"another payload":   {409, `{"statusCode":409,"name":"invalid_idempotent_request","message":"Same idempotency key used with a different request payload."}`, driver.Invalid},
		"still in progress": {409, `{"statusCode":409,"name":"concurrent_idempotent_requests","message":"Same idempotency key used while original request is still in progress."}`, driver.Conflict},
		"no id":             {200, `{}`, driver.Malformed},
	} {
		s := newSite(t, sim.Config{})
		s.always(c.code, c.body)
		if f, err := s.port.Check(t.Context(), sendAt(s, "re_tried")); kindOf(err) != c.kind {
			t.Errorf("%s: %+v, %v, want an error of kind %s", what, f, err, c.kind)
		}
	}
}

func TestSendWithoutAValue(t *testing.T) {
	s := newSite(t, sim.Config{})
	r := sendAt(s, "x")
	r.Value = nil
	if _, err := s.port.Check(t.Context(), r); kindOf(err) != driver.NoValue || len(s.seen) != 0 {
		t.Errorf("without a value: %v after %d calls", err, len(s.seen))
	}
	r.Value = secret.Parts{"other": secret.NewString("x")}
	if _, err := s.port.Check(t.Context(), r); kindOf(err) != driver.Invalid || len(s.seen) != 0 {
		t.Errorf("without the single part: %v after %d calls", err, len(s.seen))
	}
}

// TestSendSeenByAnotherTeam: an email that stays unknown is an error, and the
// error says what is wrong.
func TestSendSeenByAnotherTeam(t *testing.T) {
	s := newSite(t, sim.Config{EmailLag: time.Hour})
	_, value := s.AddKey("app-v2", sim.SendingAccess, "")
	begin := s.now
	_, err := s.check(sendAt(s, value))
	if e := driver.AsError("", err); kindOf(err) != driver.NotFound || !strings.Contains(e.Next, "team") || s.now.Sub(begin) > time.Minute {
		t.Errorf("after %s: %v", s.now.Sub(begin), err)
	}
}

func TestSendBounces(t *testing.T) {
	s := newSite(t, slow)
	_, value := s.AddKey("app-v2", sim.SendingAccess, "")
	r := sendAt(s, value)
	r.Target.Settings["to"] = "bounced@resend.dev"
	if f, err := s.check(r); err != nil || f.State != driver.Failed || !strings.Contains(f.Detail, "bounced") {
		t.Errorf("%+v, %v", f, err)
	}
}
