package stripe_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/stripe"
)

const endpoints = "/v1/webhook_endpoints"

func (w *world) create(pairs ...string) answer {
	w.t.Helper()
	return w.call(w.full, "POST", endpoints, append([]string{"url", "https://x.test/hook", "enabled_events[0]", "invoice.paid"}, pairs...)...)
}

func text(a answer, name string) string {
	s, _ := a.body[name].(string)
	return s
}

// The secret is in the answer to the creation and in no other.
func TestTheSecretIsShownOnce(t *testing.T) {
	w := newWorld(t, stripe.Config{})
	made := w.create("enabled_events[1]", "charge.failed", "description", "billing", "api_version", "2024-06-20", "metadata[team]", "money")
	id, secret := text(made, "id"), text(made, "secret")
	if made.code != 200 || !strings.HasPrefix(id, "we_1") || !strings.HasPrefix(secret, "whsec_") || text(made, "status") != "enabled" || text(made, "api_version") != "2024-06-20" {
		t.Fatalf("made %d", made.code)
	}
	for name, a := range map[string]answer{
		"shown":   w.call(w.full, "GET", endpoints+"/"+id),
		"listed":  w.call(w.full, "GET", endpoints),
		"updated": w.call(w.full, "POST", endpoints+"/"+id, "disabled", "true"),
		"deleted": w.call(w.full, "DELETE", endpoints+"/"+id),
	} {
		if strings.Contains(a.text, "whsec_") {
			t.Errorf("%s: the secret is there again", name)
		}
	}
	if !slices.Contains(w.Issued(), secret) {
		t.Error("the secret is not among what was issued")
	}
}

func TestWhatAnEndpointCannotBe(t *testing.T) {
	w := newWorld(t, stripe.Config{})
	for name, tt := range map[string]struct {
		got         answer
		code, param string
	}{
		"no url":                {w.call(w.full, "POST", endpoints, "enabled_events[]", "*"), "parameter_missing", "url"},
		"no events":             {w.call(w.full, "POST", endpoints, "url", "https://x.test"), "parameter_missing", "enabled_events"},
		"no scheme":             {w.call(w.full, "POST", endpoints, "url", "x.test/hook", "enabled_events[]", "*"), "url_invalid", "url"},
		"a strange event":       {w.create("enabled_events[1]", "Invoice Paid"), "", "enabled_events[1]"},
		"a strange version":     {w.create("api_version", "newest"), "", "api_version"},
		"a strange boolean":     {w.create("connect", "maybe"), "", "connect"},
		"an unknown parameter":  {w.create("secret", "mine"), "parameter_unknown", "secret"},
		"a roll":                {w.create("roll_secret", "true"), "parameter_unknown", "roll_secret"},
		"too much metadata":     {w.create("metadata[a]", strings.Repeat("x", 501)), "", "metadata"},
		"metadata of long name": {w.create("metadata["+strings.Repeat("x", 41)+"]", "x"), "", "metadata"},
	} {
		w.refused(name, tt.got, 400, tt.code)
		if _, _, param, _ := tt.got.problem(); param != tt.param {
			t.Errorf("%s: the parameter is %q, want %q", name, param, tt.param)
		}
	}
	w.refused("JSON", w.send(http.Header{"Authorization": {"Bearer " + w.full}, "Content-Type": {"application/json"}}, "POST", endpoints, "url", "https://x.test"), 400, "")
	if n := len(w.Endpoints()); n != 0 {
		t.Errorf("%d endpoints were made", n)
	}
}

func TestAnAccountIsFull(t *testing.T) {
	w := newWorld(t, stripe.Config{})
	for range 16 {
		if a := w.create(); a.code != 200 {
			t.Fatalf("made %d", a.code)
		}
	}
	a := w.create()
	w.refused("one too many", a, 400, "")
	if _, _, _, message := a.problem(); message != "You have reached the maximum of 16 test webhook endpoints." {
		t.Errorf("the message is %q", message)
	}
}

func TestAnUpdateChangesWhatItNames(t *testing.T) {
	w := newWorld(t, stripe.Config{})
	id := text(w.create("description", "billing", "metadata[a]", "1", "metadata[b]", "2"), "id")
	w.call(w.full, "POST", endpoints+"/"+id, "disabled", "true", "metadata[a]", "", "metadata[c]", "3")
	e := w.Endpoints()[0]
	if !e.Disabled || e.Description != "billing" || e.URL != "https://x.test/hook" || len(e.Metadata) != 2 || e.Metadata["b"] != "2" || e.Metadata["c"] != "3" {
		t.Errorf("it is %+v", e)
	}
	w.call(w.full, "POST", endpoints+"/"+id, "disabled", "false", "metadata", "", "enabled_events[]", "*", "description", "")
	if e := w.Endpoints()[0]; e.Disabled || len(e.Metadata) != 0 || !slices.Equal(e.Events, []string{"*"}) || e.Description != "" {
		t.Errorf("it is %+v", e)
	}
	w.refused("a roll", w.call(w.full, "POST", endpoints+"/"+id, "secret", "x"), 400, "parameter_unknown")
	w.refused("one that is not there", w.call(w.full, "POST", endpoints+"/we_none", "disabled", "true"), 404, "resource_missing")
	w.call(w.full, "DELETE", endpoints+"/"+id)
	w.refused("one that is gone", w.call(w.full, "DELETE", endpoints+"/"+id), 404, "resource_missing")
}

func TestPages(t *testing.T) {
	w := newWorld(t, stripe.Config{})
	for range 25 {
		w.AddEndpoint(stripe.Endpoint{URL: "https://x.test"})
	}
	all := w.Endpoints()
	for name, tt := range map[string]struct {
		query    []string
		from, to int
		more     bool
	}{
		"first":           {nil, 0, 10, true},
		"after":           {[]string{"limit", "20", "starting_after", all[9].ID}, 10, 25, false},
		"after, cut":      {[]string{"limit", "2", "starting_after", all[0].ID}, 1, 3, true},
		"before, cut":     {[]string{"limit", "2", "ending_before", all[5].ID}, 3, 5, true},
		"before":          {[]string{"ending_before", all[5].ID}, 0, 5, false},
		"after the last":  {[]string{"starting_after", all[24].ID}, 25, 25, false},
		"all":             {[]string{"limit", "100"}, 0, 25, false},
		"as many as many": {[]string{"limit", "25"}, 0, 25, false},
	} {
		a := w.call(w.full, "GET", endpoints, tt.query...)
		var got, want []string
		data, _ := a.body["data"].([]any)
		for _, x := range data {
			e, _ := x.(map[string]any)
			got = append(got, fmt.Sprint(e["id"]))
		}
		for _, e := range all[tt.from:tt.to] {
			want = append(want, e.ID)
		}
		if !slices.Equal(got, want) || a.body["has_more"] != tt.more || text(a, "url") != endpoints {
			t.Errorf("%s: %d objects, more %v; want %d, %v", name, len(got), a.body["has_more"], len(want), tt.more)
		}
	}
	for name, query := range map[string][]string{"0": {"limit", "0"}, "101": {"limit", "101"}, "a word": {"limit", "x"}, "unknown": {"starting_after", "we_none"}, "both": {"starting_after", all[1].ID, "ending_before", all[2].ID}} {
		if a := w.call(w.full, "GET", endpoints, query...); a.code != 400 {
			t.Errorf("%s: %d", name, a.code)
		}
	}
}

// A call with an idempotency key is done once; its first answer is given again,
// the secret with it.
func TestIdempotencyKeys(t *testing.T) {
	w := newWorld(t, stripe.Config{})
	send := func(key string, pairs ...string) answer {
		return w.send(http.Header{"Authorization": {"Bearer " + w.full}, "Idempotency-Key": {key}}, "POST", endpoints, pairs...)
	}
	params := []string{"url", "https://x.test", "enabled_events[]", "*"}
	w.refused("what failed validation", send("a", "url", "https://x.test"), 400, "parameter_missing")
	first, again := send("a", params...), send("a", params...)
	if first.code != 200 || again.text != first.text || again.header.Get("Idempotent-Replayed") != "true" || again.header.Get("Original-Request") != first.header.Get("Request-Id") ||
		first.header.Get("Idempotency-Key") != "a" || len(w.Endpoints()) != 1 {
		t.Errorf("the second answer is %d and another one, or %d endpoints were made", again.code, len(w.Endpoints()))
	}
	w.refused("other parameters", send("a", "url", "https://y.test", "enabled_events[]", "*"), 400, "")
	if kind, _, _, _ := send("a", "url", "https://y.test", "enabled_events[]", "*").problem(); kind != "idempotency_error" {
		t.Errorf("with other parameters the type is %s", kind)
	}
	w.refused("a long key", send(strings.Repeat("x", 256), params...), 400, "")
	if b := send("b", params...); text(b, "id") == text(first, "id") || len(w.Endpoints()) != 2 {
		t.Error("another key did not make another endpoint")
	}
	w.pass(24 * time.Hour)
	if c := send("a", params...); text(c, "id") == text(first, "id") || len(w.Endpoints()) != 3 {
		t.Error("a day later the key is still kept")
	}
}
