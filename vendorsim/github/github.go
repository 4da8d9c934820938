// Package github is a stateful stand-in of GitHub's REST API for what a
// rotation meets: secrets of repositories, organisations and environments for
// Actions and for Dependabot, workflow runs that read them, and personal
// access tokens.
//
// It follows the published REST description. Secrets are really sealed: a
// value that was not encrypted for the right key is refused. Secrets of
// organisations and repositories are read when a run is queued, those of
// environments when its job starts, as GitHub's documentation says.
//
// Guesses, where that is silent: a re-run reads secrets anew (Config has the
// other way), a token without the right scope is answered with 404, times
// count whole seconds, a place that is full answers 422.
//
// The description has almost no refusals. 401, 403, 404, 409 and 422 are as
// GitHub's documentation and clients have them; every error has "status", which
// the description's form of a 422 lacks. Environments are reached by the
// repository's name (the description) and by its number (older versions of it,
// go-github).
//
// Left out: GraphQL, webhooks, deploy keys, logs and artifacts, runner groups,
// and adding or removing single repositories of an organisation's secret.
package github

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// Host is where GitHub answers.
const Host = "api.github.com"

// Config says how a stand-in behaves. In the zero value runs succeed at once
// and nothing is limited but the 5,000 calls an hour.
type Config struct {
	Now  pawl.Clock // nil is time.Now
	Rand io.Reader  // for keys, credentials and ids; nil is crypto/rand

	Queue         time.Duration // how long a run is queued
	Run           time.Duration // how long it is in progress
	ListDelay     time.Duration // how late a new run is listed
	RevocationLag time.Duration // a revoked token is accepted for this long

	// Job decides how a run ends: "success", "failure", … It is asked when the
	// run is over, with what its job read. Nil is always "success". It must not
	// call back into this stand-in.
	Job func(JobRun) (conclusion string)

	RerunKeepsSecrets bool // a re-run has the repository's secrets of the first attempt
	HourlyLimit       int  // calls an hour for each token; 0 is 5000
	WritesPerMinute   int  // the secondary limit; 0 is none
	LimitsAs429       bool // calls over a limit are answered with 429, not 403
	LimitRevocations  bool // at most 60 calls of credentials/revoke an hour
}

// JobRun is what a workflow's job sees.
type JobRun struct {
	Repo, Workflow, Branch, Event string
	Env                           map[string]string // secrets by name
	Inputs                        map[string]string
	At                            time.Time // when it ended
}

// GitHub is a whole GitHub. It is an http.Handler for Host, safe for
// concurrent use.
type GitHub struct {
	cfg   Config
	front vendorsim.Front

	mu          sync.Mutex
	repos       []*repo
	orgs        map[string]*vaults
	accounts    []*account
	runs        []*run
	active      []*run // those that are not over
	lastID      int64
	issued      []string
	calls       int
	revocations window
}

// New makes an empty GitHub.
func New(cfg Config) *GitHub {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.HourlyLimit == 0 {
		cfg.HourlyLimit = 5000
	}
	if cfg.Job == nil {
		cfg.Job = func(JobRun) string { return "success" }
	}
	g := &GitHub{cfg: cfg, orgs: map[string]*vaults{}, lastID: 1000}
	g.front.Now = cfg.Now
	return g
}

// ServeHTTP answers a call.
func (g *GitHub) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.front.Serve(w, r, (*api)(g)) }

// Faults gives the faults between callers and this GitHub.
func (g *GitHub) Faults() *vendorsim.Faults { return &g.front.Faults }

// Log gives the requests so far, oldest first.
func (g *GitHub) Log() []vendorsim.Entry { return g.front.Requests.Entries() }

// api is GitHub behind its front.
type api GitHub

// Operation labels a call by its route.
func (a *api) Operation(r *http.Request) string { return table.Label(r) }

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g, call := (*GitHub)(a), &route.Call{W: w, R: r}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle()
	if !g.welcome(call) {
		return
	}
	found := table.Find(r)
	if found == nil {
		notFound(call)
		return
	}
	call.Path = found.Path
	found.Do(g, call)
}

// The versions of the REST API. The older one is meant where none is named.
const (
	oldVersion = "2022-11-28"
	newVersion = "2026-03-10"
)

func (g *GitHub) version(c *route.Call) string {
	if v := c.R.Header.Get("X-GitHub-Api-Version"); v != "" {
		return v
	}
	return oldVersion
}

// welcome lets a call through that says who makes it and names a version that
// there is ("Getting started with the REST API", "API versions").
func (g *GitHub) welcome(c *route.Call) bool {
	v, h := g.version(c), c.W.Header()
	g.calls++
	h.Set("X-GitHub-Request-Id", fmt.Sprintf("%04X:1A2B:%06X", g.calls%0xffff, g.calls))
	h.Set("X-GitHub-Media-Type", "github.v3; format=json")
	h.Set("Date", g.now().Format(http.TimeFormat)) // the server's own would be another clock
	switch {
	case c.R.UserAgent() == "":
		fail(c, http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
		return false
	case v != oldVersion && v != newVersion:
		fail(c, http.StatusBadRequest, "Not a supported version")
		return false
	}
	h.Set("X-GitHub-Api-Version-Selected", v)
	return true
}

func (g *GitHub) now() time.Time { return g.cfg.Now().UTC() }

func (g *GitHub) nextID() int64 {
	g.lastID++
	return g.lastID
}

// fail answers in the form of GitHub's basic error.
func fail(c *route.Call, code int, message string) {
	c.JSON(code, map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(code)})
}

func notFound(c *route.Call) { fail(c, http.StatusNotFound, "Not Found") }

// second gives a time as GitHub writes it, in whole seconds.
func second(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

func sameName(a, b string) bool { return strings.EqualFold(a, b) }
