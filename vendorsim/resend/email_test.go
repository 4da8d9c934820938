package resend_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/resend"
)

func TestEmailsComeWithTime(t *testing.T) {
	w := newWorld(t, resend.Config{EmailLag: time.Second, Sending: 2 * time.Second, Delivering: 3 * time.Second})
	sent := w.call(w.limited, "POST", "/emails", mail()).want(200)
	fields(t, sent.line, sent.body, "id")
	path := "/emails/" + sent.text("id")
	w.call(w.full, "GET", path, nil).refused(404, "not_found")
	if n := len(w.call(w.full, "GET", "/emails", nil).list()); n != 0 {
		t.Errorf("%d emails are listed at once", n)
	}
	common := []string{"id", "message_id", "to", "from", "created_at", "subject", "bcc", "cc", "reply_to", "last_event"}
	for _, event := range []string{"queued", "sent", "sent", "sent", "delivered"} {
		w.now = w.now.Add(time.Second)
		got := w.call(w.full, "GET", path, nil).want(200)
		fields(t, got.line, got.body, append([]string{"object", "text"}, common...)...)
		listed := w.call(w.full, "GET", "/emails", nil).list()[0]
		fields(t, "a listed email", listed, common...)
		if got.text("last_event") != event || listed["last_event"] != event || got.text("created_at") != "2026-05-06 07:08:09.500000+00" || fmt.Sprint(got.body["to"]) != "[owner@umbrella.example]" {
			t.Errorf("want %s: %v", event, got.body)
		}
	}
	id := w.call(w.limited, "POST", "/emails", mail("to", "bounced+label@resend.dev")).want(200).text("id")
	w.now = w.now.Add(time.Minute)
	if got := w.call(w.full, "GET", "/emails/"+id, nil).text("last_event"); got != "bounced" {
		t.Errorf("it is %s", got)
	}
	w.SetEvent(id, "complained")
	if got := w.Emails()[1]; got.Event != "complained" || got.KeyID != w.Keys()[1].ID {
		t.Errorf("%+v", got)
	}
}

func TestEmailsThatAreRefused(t *testing.T) {
	w := newWorld(t, resend.Config{})
	w.AddDomain("new.example", resend.NotStarted)
	w.AddDomain("receives.example", resend.Verified)
	w.StopSending("receives.example")
	_, own := w.AddKey("own", resend.SendingAccess, "acme.example")
	w.AddDomain("two.example", resend.Verified)
	for _, c := range []struct {
		key, field, value string
		code              int
		name, message     string
	}{
		{w.full, "from", "", 422, "missing_required_field", "from"},
		{w.full, "subject", "", 422, "missing_required_field", "subject"},
		{w.full, "text", "", 422, "missing_required_field", "text"},
		{w.full, "from", "Acme noreply", 422, "validation_error", "from"},
		{w.full, "from", "a@new.example", 403, "validation_error", "The new.example domain is not verified"},
		{w.full, "from", "a@receives.example", 403, "validation_error", "The receives.example domain is not verified"},
		{w.full, "from", "a@sub.acme.example", 403, "validation_error", "The sub.acme.example domain is not verified"},
		{w.full, "from", "onboarding@resend.dev", 403, "validation_error", "testing emails"},
		{own, "from", "a@two.example", 403, "validation_error", "not authorized to send emails from two.example"},
	} {
		got := w.call(c.key, "POST", "/emails", mail(c.field, c.value)).refused(c.code, c.name)
		if !strings.Contains(got.text("message"), c.message) {
			t.Errorf("%s %q: %v", c.field, c.value, got.body)
		}
	}
	if n := len(w.Emails()); n != 0 {
		t.Errorf("%d emails were sent", n)
	}
	m := mail("from", "onboarding@resend.dev")
	m["to"] = []string{"delivered@resend.dev"}
	w.call(w.full, "POST", "/emails", m).want(200)
	w.call(own, "POST", "/emails", mail()).want(200)
}

func TestIdempotency(t *testing.T) {
	w := newWorld(t, resend.Config{})
	send := func(once string, m map[string]any) answer {
		return w.call(w.limited, "POST", "/emails", m, "Idempotency-Key", once)
	}
	first := send("a", mail()).want(200).text("id")
	if again := send("a", mail()).want(200).text("id"); again != first || len(w.Emails()) != 1 {
		t.Errorf("sent twice: %d emails", len(w.Emails()))
	}
	send("a", mail("subject", "other")).refused(409, "invalid_idempotent_request")
	if other := send("b", mail()).want(200).text("id"); other == first {
		t.Error("another key gave the same email")
	}
	send("", mail()).refused(400, "invalid_idempotency_key")
	send(strings.Repeat("k", 257), mail()).refused(400, "invalid_idempotency_key")
	w.now = w.now.Add(24 * time.Hour)
	if later := send("a", mail()).want(200).text("id"); later == first {
		t.Error("the key is remembered for longer than a day")
	}
	w.DeleteKey(w.Keys()[1].ID)
	send("a", mail()).refused(403, "invalid_api_key") // what was sent before proves no key
}

func TestDomains(t *testing.T) {
	w := newWorld(t, resend.Config{})
	made := w.call(w.full, "POST", "/domains", map[string]any{"name": "new.example", "region": "eu-west-1"}).want(201)
	common := []string{"id", "name", "status", "created_at", "region", "open_tracking", "click_tracking", "capabilities"}
	fields(t, made.line, made.body, append([]string{"records"}, common...)...)
	path := "/domains/" + made.text("id")
	status := func() string {
		got := w.call(w.full, "GET", path, nil).want(200)
		fields(t, got.line, got.body, append([]string{"object", "records"}, common...)...)
		if r := got.body["records"].([]any)[2].(map[string]any); r["record"] != "DKIM" || r["type"] != "TXT" || r["status"] != got.body["status"] {
			t.Errorf("a record is %v", r)
		}
		fields(t, "a listed domain", w.call(w.full, "GET", "/domains", nil).list()[0], common...)
		return got.text("status")
	}
	if s := status(); s != "not_started" {
		t.Errorf("it is %s at first", s)
	}
	w.call(w.full, "POST", path+"/verify", nil).want(200)
	if s := status(); s != "pending" {
		t.Errorf("it is %s without records", s)
	}
	w.PublishRecords("new.example")
	w.call(w.full, "POST", path+"/verify", nil).want(200)
	if s := status(); s != "verified" || w.DomainStatus("NEW.example") != "verified" {
		t.Errorf("it is %s with records", s)
	}
	w.call(w.limited, "POST", "/emails", mail("from", "a@new.example")).want(200)
	w.call(w.full, "POST", "/domains", map[string]any{"name": "New.example"}).refused(403, "validation_error")
	w.call(w.full, "POST", "/domains", map[string]any{"name": "x.example", "region": "moon"}).refused(422, "invalid_region")
	w.call(w.full, "POST", "/domains", map[string]any{}).refused(422, "missing_required_field")
	w.call(w.full, "DELETE", path, nil).want(200)
	w.call(w.full, "GET", path, nil).refused(404, "not_found")
	w.call(w.limited, "POST", "/emails", mail("from", "a@new.example")).refused(403, "validation_error")
}

func TestTimesInTheOtherForm(t *testing.T) {
	w := newWorld(t, resend.Config{RFC3339Times: true})
	if got := w.call(w.full, "GET", "/domains", nil).list()[0]["created_at"]; got != "2026-05-06T07:08:09.500000+00:00" {
		t.Errorf("it is %v", got)
	}
}

// TestSendAsAnApplication: the helper goes the way of every other caller.
func TestSendAsAnApplication(t *testing.T) {
	w := newWorld(t, resend.Config{})
	m := resend.Mail{From: "a@acme.example", To: "b@c.example", Subject: "s"}
	if err := w.Send(w.limited, m); err != nil || len(w.Emails()) != 1 || w.Keys()[1].UsedAt.IsZero() {
		t.Errorf("%v, %d emails", err, len(w.Emails()))
	}
	if err := w.Send("re_nobody", m); err == nil || !strings.Contains(err.Error(), "403 invalid_api_key") {
		t.Errorf("an unknown key: %v", err)
	}
	w.Faults().Add(vendorsim.Rule{Kind: vendorsim.AfterLost, Operation: "POST /emails"})
	if err := w.Send(w.limited, m); err == nil || len(w.Emails()) != 2 {
		t.Errorf("a lost answer: %v, %d emails", err, len(w.Emails()))
	}
	for _, e := range w.Log() {
		if e.Operation != "POST /emails" || e.Host != resend.Host {
			t.Errorf("the log has %+v", e)
		}
	}
	for _, v := range w.Issued() {
		if strings.Contains(fmt.Sprintf("%#v", w.Log()), v) {
			t.Error("the log has a key in it")
		}
	}
	w.AdoptKey("given", resend.SendingAccess, "re_given")
	if err := w.Send("re_given", m); err == nil || !w.KeyAccepted("re_given") {
		t.Errorf("an adopted key under a fault: %v", err)
	}
}
