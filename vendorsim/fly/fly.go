// Package fly is a stateful stand-in of Fly.io: the Machines API, the part of
// the GraphQL API that makes, lists and revokes tokens, the calls for releases
// and logs, and the public addresses of apps. With a Launcher machines run
// programs, behind what stands for Fly's proxy.
//
// It follows the published Machines API description and GraphQL schema, and
// what flyctl and fly-go send. Where these disagree or are silent, the guess is
// named in the comment of the place, or is a field of Config:
//
//   - errors of GraphQL come with status 200 (inferred);
//   - a token is shown at minting and never again (third-party runbooks; the
//     schema has the field on listed tokens too);
//   - a plain restart reads secrets anew (not documented).
//
// Where the sources disagree, both are understood or can be chosen:
//
//   - secrets are read with min_version (the description) or version (fly-go);
//   - a lease's ttl is in the body (the description) or in the query (fly-go),
//     its answer wrapped in "data" (the documentation, fly-go) or flat (the
//     description, Config.FlatLeases);
//   - show_secrets gives no values (the documentation) or does (the
//     description, Config.ShowsSecrets);
//   - tokens come as FlyV1 (fly-go) or as Bearer (the documentation).
//
// The description has few refusals. The statuses 401, 403, 404, 408, 409 and
// 429 are those that the documentation and fly-go know; which call gives which
// is inferred, as are 503 for a host that cannot be reached and the body of a
// 429.
//
// Left out: volumes, certificates, addresses, secret keys, and the older
// secrets calls of GraphQL.
package fly

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// The hosts of Fly's own calls.
const (
	MachinesHost = "api.machines.dev"
	APIHost      = "api.fly.io"
)

// Config says how a stand-in behaves. The zero value is a Fly that does
// everything at once and limits nothing.
type Config struct {
	Now  pawl.Clock // nil is time.Now
	Rand io.Reader  // for credentials and ids; nil is crypto/rand

	RevocationLag time.Duration // a revoked token is accepted for this long
	ReplicaLag    time.Duration // how late secrets reach who asks for no version
	Replacing     time.Duration // an updated machine is down for this long,
	Starting      time.Duration // starts for this long,
	Checking      time.Duration // and its checks are critical for this long

	RateLimits          bool // per action and machine or app: 1/s, burst 3; reading a machine 5/s, burst 10
	FlatLeases          bool // answer leases as the specification has them, not wrapped in "data" as the docs have
	OpaqueTokenIDs      bool // tokens/current names tokens by other ids than GraphQL does
	RestartKeepsSecrets bool // a restart boots with the secrets that it had
	ShowsSecrets        bool // show_secrets=true gives values, as the specification has it; the documentation says that nothing does

	// Launcher runs the programs of machines. Nil runs none: machines have
	// states and an environment, and their checks follow the token that their
	// app works with. With one, checks ask the program, an app's address leads
	// to it, and somebody has to Close the Fly.
	Launcher Launcher

	// Hold is how long a request to an app waits for a machine, in real time.
	// Zero never waits, which is what virtual time wants. How long Fly's proxy
	// waits is not documented.
	Hold time.Duration

	// Sleep lets a wait call block, up to its timeout. Nil never blocks: the
	// answer is what is so now, which is what virtual time wants. With a Launcher of other processes nil sleeps.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Fly is a whole Fly.io with its organisations. It is an http.Handler for
// MachinesHost and APIHost, safe for concurrent use.
type Fly struct {
	cfg    Config
	front  vendorsim.Front
	digest string // keys the digests of secrets, so that callers cannot compute them

	mu       sync.Mutex
	orgs     []*org
	apps     map[string]*app
	tokens   []*token
	buckets  map[string]*bucket
	versions int // the newest version of any app's secrets
	calls    int
	lines    int // of all logs
	issued   []string
	wake     chan struct{} // closed when a machine begins or ends to serve; nil while nobody waits
	closed   bool

	closing chan struct{} // closed by Close
	work    sync.WaitGroup
}

type org struct {
	id, slug string
	number   int
}

// New makes an empty Fly.
func New(cfg Config) *Fly {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	f := &Fly{cfg: cfg, apps: map[string]*app{}, digest: vendorsim.Random(cfg.Rand, 24)}
	f.front.Now = cfg.Now
	if cfg.Launcher != nil {
		f.closing = make(chan struct{})
		if f.cfg.Sleep == nil && !f.atOnce() {
			f.cfg.Sleep = sleep
		}
	}
	return f
}

// ServeHTTP answers calls to both hosts.
func (f *Fly) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.front.Serve(w, r, (*api)(f)) }

// Faults gives the faults between callers and this Fly, its apps included.
func (f *Fly) Faults() *vendorsim.Faults { return &f.front.Faults }

// Log gives the requests so far, oldest first.
func (f *Fly) Log() []vendorsim.Entry { return f.front.Requests.Entries() }

// api is Fly behind its front.
type api Fly

// Operation labels a call by its route, and a GraphQL call by the field that
// it asks for.
func (a *api) Operation(r *http.Request) string {
	if r.URL.Path == graphqlPath {
		return graphqlLabel(r)
	}
	return routes().Label(r)
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, call := (*Fly)(a), &route.Call{W: w, R: r}
	f.identify(call)
	found := routes().Find(r)
	if found == nil {
		fail(call, http.StatusNotFound, "404 page not found")
		return
	}
	call.Path = found.Path
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.limited(call) {
		fail(call, http.StatusTooManyRequests, "rate limit exceeded")
		return
	}
	found.Do(f, call)
}

// sleep waits in real time.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Fly) now() time.Time { return f.cfg.Now().UTC() }

// identify sets the header by which Fly's support finds a call.
func (f *Fly) identify(c *route.Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	c.W.Header().Set("Fly-Request-Id", "01"+strconv.Itoa(100_000_000+f.calls)+"-ams")
}

func (f *Fly) id(n int) string { return vendorsim.Random(f.cfg.Rand, n) }

// credential makes a credential and remembers it for Issued.
func (f *Fly) credential(prefix string, n int) string {
	c := vendorsim.Credential(f.cfg.Rand, prefix, n)
	f.issued = append(f.issued, c)
	return c
}

// fail answers in the form of the Machines API's ErrorResponse.
func fail(c *route.Call, code int, why string) {
	c.JSON(code, map[string]any{"error": why, "status": "unknown"})
}

// second gives a time as Fly writes it.
func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }
