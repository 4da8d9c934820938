package fly_test

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/fly"
)

const secrets = "/v1/apps/web/secrets"

func TestSecretHasADigestAndNoValue(t *testing.T) {
	w := newWorld(t, fly.Config{})
	c := w.as(w.scoped)
	made := c.call("POST", secrets+"/TOKEN", map[string]any{"value": "first-value"}).want(201).
		has(nil, "name", "digest", "created_at", "updated_at", "version", "Version")
	first := made.instant("updated_at")
	w.pass(time.Minute)
	changed := c.call("POST", secrets+"/TOKEN", map[string]any{"value": "second-value"}).want(201)
	if changed.text("digest") == made.text("digest") || changed.number("version") <= made.number("version") {
		t.Error("neither digest nor version has moved")
	}
	if !changed.instant("updated_at").Equal(first.Add(time.Minute)) || !changed.instant("created_at").Equal(first) {
		t.Error("the times are not those of the writes")
	}
	back := c.call("POST", secrets+"/TOKEN", map[string]any{"value": "first-value"}).want(201)
	if back.text("digest") != made.text("digest") || back.number("version") <= changed.number("version") {
		t.Error("the same value has another digest, or the version stood still")
	}
	for _, path := range []string{secrets, secrets + "/TOKEN", secrets + "?show_secrets=true", secrets + "/TOKEN?show_secrets=true"} {
		if got := c.call("GET", path, nil).want(200); bytes.Contains(got.raw, []byte("first-value")) {
			t.Errorf("GET %s gives the value", path)
		}
	}
	c.call("GET", secrets+"/TOKEN", nil).has(nil, "name", "digest", "created_at", "updated_at")
	c.call("GET", secrets+"/NONE", nil).refused(404)
}

func TestSecretIsShownWhereTheDescriptionIsBelieved(t *testing.T) {
	w := newWorld(t, fly.Config{ShowsSecrets: true})
	if got := w.person().call("GET", secrets+"/KEY?show_secrets=true", nil).text("value"); got != "old" {
		t.Error("it was asked for and not shown")
	}
	if got := w.person().call("GET", secrets, nil); got.at("secrets", 0, "value") != nil {
		t.Error("it was shown and not asked for")
	}
}

func TestManySecretsAtOnce(t *testing.T) {
	w := newWorld(t, fly.Config{})
	c := w.person()
	got := c.call("POST", secrets, map[string]any{"values": map[string]any{"A": "1", "B": "2", "KEY": nil}}).want(200).has(nil, "secrets", "version")
	if len(got.list("secrets")) != 2 {
		t.Errorf("the answer names %d secrets, want those that were set", len(got.list("secrets")))
	}
	if _, ok := w.SecretValue("web", "KEY"); ok {
		t.Error("null has not taken the secret away")
	}
	// Taking away a name that is not there changes nothing and tells the version.
	again := c.call("POST", secrets, map[string]any{"values": map[string]any{"NOTHING": nil}}).want(200)
	if again.number("version") < got.number("version") || len(c.call("GET", secrets, nil).list("secrets")) != 2 {
		t.Error("the trick of flyctl's sync does not work")
	}
	gone := c.call("DELETE", secrets+"/A", nil).want(200).has(nil, "version")
	if gone.number("version") <= got.number("version") {
		t.Error("a deletion has not made a version")
	}
	for name, body := range map[string]any{"nothing": map[string]any{}, "no object": `{"values":7}`, "no JSON": `{`, "no name": map[string]any{"values": map[string]any{"A-B": "1"}}} {
		if code := c.call("POST", secrets, body).code; code != 400 {
			t.Errorf("%s: status %d, want 400", name, code)
		}
	}
	c.call("POST", secrets+"/B", map[string]any{}).refused(400)
}

// Both ways of asking for a version are understood: that of the description
// and that of fly-go.
func TestReplicasLagUnlessAVersionIsAskedFor(t *testing.T) {
	w := newWorld(t, fly.Config{ReplicaLag: 20 * time.Second})
	w.pass(time.Minute)
	c := w.person()
	old := c.call("GET", secrets+"/KEY", nil).text("digest")
	wrote := c.call("POST", secrets+"/KEY", map[string]any{"value": "new"}).want(201)
	version := strconv.Itoa(wrote.number("version"))
	for query, want := range map[string]string{"": old, "?min_version=" + version: wrote.text("digest"), "?version=" + version: wrote.text("digest")} {
		if got := c.call("GET", secrets+"/KEY"+query, nil).text("digest"); got != want {
			t.Errorf("%q: digest %s, want %s", query, got, want)
		}
	}
	c.call("GET", secrets+"?min_version="+strconv.Itoa(wrote.number("version")+1), nil).refused(400)
	w.pass(20 * time.Second)
	if c.call("GET", secrets+"/KEY", nil).text("digest") != wrote.text("digest") {
		t.Error("the replica has not caught up")
	}
}
