package molecule_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/internal/leak"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/github"
	"github.com/pawlhq/pawl/vendorsim/molecule"
)

// client speaks plain HTTP to a world, as somebody with a token.
type client struct {
	t    *testing.T
	http *http.Client
}

func newClient(t *testing.T, w *molecule.World) client {
	return client{t, &http.Client{Transport: vendorsim.Transport(w.Hosts())}}
}

func (c client) do(method, url, token, body string) (int, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, url, bytes.NewBufferString(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "test")
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// healthy asks the app itself.
func (c client) healthy() bool {
	c.t.Helper()
	code, _ := c.do("GET", "https://"+molecule.AppHost+"/health", "", "")
	if code != http.StatusOK && code != http.StatusServiceUnavailable {
		c.t.Fatalf("the app answers %d", code)
	}
	return code == http.StatusOK
}

// revoke ends the first token, as its owner would.
func (c client) revoke(w *molecule.World) {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"query": `mutation($in: DeleteLimitedAccessTokenInput!) { deleteLimitedAccessToken(input: $in) { token } }`,
		"variables": map[string]any{"in": map[string]string{"id": w.TokenID}}})
	if err != nil {
		c.t.Fatal(err)
	}
	if code, text := c.do("POST", "https://"+fly.APIHost+"/graphql", w.FlyAdmin, string(body)); code != http.StatusOK || strings.Contains(text, "errors") {
		c.t.Fatalf("the token is not revoked: %d %s", code, text)
	}
}

// publish runs the workflow and gives its conclusion.
func (c client) publish(w *molecule.World) string {
	c.t.Helper()
	base := "https://" + github.Host + "/repos/" + molecule.Repo + "/actions/"
	if code, text := c.do("POST", base+"workflows/"+molecule.Workflow+"/dispatches", w.GitHubAdmin, `{"ref":"main"}`); code != http.StatusNoContent && code != http.StatusOK {
		c.t.Fatalf("the workflow is not dispatched: %d %s", code, text)
	}
	code, text := c.do("GET", base+"runs?per_page=1", w.GitHubAdmin, "")
	var page struct {
		Runs []struct{ Status, Conclusion string } `json:"workflow_runs"`
	}
	if err := json.Unmarshal([]byte(text), &page); err != nil || code != http.StatusOK || len(page.Runs) == 0 || page.Runs[0].Status != "completed" {
		c.t.Fatalf("the run is not there: %d %s: %v", code, text, err)
	}
	return page.Runs[0].Conclusion
}

// clock is the time of a world.
type clock struct{ at time.Time }

func newClock() *clock                { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }
func (c *clock) now() time.Time       { return c.at }
func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

func TestTheWorldBeginsWhole(t *testing.T) {
	w := molecule.New(molecule.Config{Now: newClock().now})
	if w.Token == "" || w.AtFly() != w.Token || w.AtGitHub() != w.Token || w.Loaded() != w.Token {
		t.Error("the first token is not in every place")
	}
	if live := w.LiveDeployTokens(); !slices.Equal(live, []string{w.TokenID}) {
		t.Errorf("the live tokens are %v, want %s", live, w.TokenID)
	}
	finder := leak.NewFinder(w.Values()...)
	for _, v := range []string{w.Token, w.FlyAdmin, w.GitHubAdmin} {
		if finder.Find([]byte("before "+v+" after")) == "" {
			t.Error("a leak search would not look for a credential of this world")
		}
	}
	c := newClient(t, w)
	if !c.healthy() {
		t.Error("the app is not healthy")
	}
	if got := c.publish(w); got != "success" {
		t.Errorf("the workflow ends with %s", got)
	}
}

// TestAnEarlyDeathIsSeen revokes the token that everything uses: what pawl
// promises never to do must not go unnoticed here.
func TestAnEarlyDeathIsSeen(t *testing.T) {
	when := newClock()
	w := molecule.New(molecule.Config{Now: when.now, RevocationLag: time.Minute})
	c := newClient(t, w)
	c.revoke(w)
	if len(w.LiveDeployTokens()) != 0 {
		t.Error("the revoked token is still listed as live")
	}
	if !c.healthy() || c.publish(w) != "success" {
		t.Error("the revocation works before its lag is over")
	}
	when.pass(time.Minute + time.Second)
	if c.healthy() {
		t.Error("the app is healthy with a dead token")
	}
	if got := c.publish(w); got != "failure" {
		t.Errorf("the workflow ends with %s with a dead token", got)
	}
}

// TestAStoredValueIsNotALoadedOne writes a new value that no machine loads.
func TestAStoredValueIsNotALoadedOne(t *testing.T) {
	w := molecule.New(molecule.Config{Now: newClock().now})
	c := newClient(t, w)
	_, second := w.Fly.AddDeployToken(molecule.App, "second", time.Hour)
	w.Fly.SetSecret(molecule.App, molecule.Secret, second)
	if w.AtFly() != second || w.Loaded() != w.Token {
		t.Errorf("stored the second: %t, loaded the first: %t", w.AtFly() == second, w.Loaded() == w.Token)
	}
	c.revoke(w)
	if c.healthy() {
		t.Error("the app is healthy, and its machines run with the revoked token")
	}
	if len(w.LiveDeployTokens()) != 1 {
		t.Errorf("the live tokens are %v, want the second", w.LiveDeployTokens())
	}
}

func TestMachinesThatDifferAreNotLoaded(t *testing.T) {
	w := molecule.New(molecule.Config{Now: newClock().now})
	_, second := w.Fly.AddDeployToken(molecule.App, "second", time.Hour)
	w.Fly.SetSecret(molecule.App, molecule.Secret, second)
	w.Fly.AddMachines(molecule.App, 1) // boots with what is stored now
	if got := w.Loaded(); got != "" {
		t.Errorf("two machines have the first and one the second value, and a value of %d bytes is told as loaded", len(got))
	}
}

// TestWorldsAreRepeatable: a schedule that broke a promise is run again.
func TestWorldsAreRepeatable(t *testing.T) {
	random := func() io.Reader { return strings.NewReader(strings.Repeat("0123456789abcdef", 4096)) }
	a := molecule.New(molecule.Config{Now: newClock().now, Rand: random()})
	b := molecule.New(molecule.Config{Now: newClock().now, Rand: random()})
	if !slices.Equal(a.Values(), b.Values()) || a.TokenID != b.TokenID {
		t.Error("two worlds of the same randomness differ")
	}
}
