// Package neon is a stateful stand-in of Neon: API keys of persons and
// organisations, projects, branches, endpoints, roles, databases, and the
// operations by which Neon does things after it has answered.
//
// It follows Neon's published API description (OpenAPI, v2) and its
// documentation (neon.com/docs: "Manage API keys", "Manage roles",
// "Operations"). Where these are silent, the guess is named in the comment of
// the place. The guesses that matter:
//
//   - what a key may not see is answered with 404, what it may not do with 403;
//   - a second revocation of a key is answered with 404;
//   - a role that owns a database is refused with 422;
//   - one project runs one set of operations at a time, and refuses changes of
//     roles, databases and branches with 423 meanwhile.
//
// Left out: changes of projects, branches and databases by PATCH, endpoints as
// things of their own, restoring, snapshots, consumption, and OAuth sessions.
package neon

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// Host is where Neon's API is. Paths start with /api/v2.
const Host = "console.neon.tech"

// Config says how a stand-in behaves. The zero value is a Neon that does
// everything at once and limits nothing.
type Config struct {
	Now  pawl.Clock // nil is time.Now
	Rand io.Reader  // for credentials and ids; nil is crypto/rand

	Operation time.Duration // how long each operation runs; those of one call run one after the other
	UseLag    time.Duration // how late a key's last use shows
	RateLimit bool          // 700 calls a minute and 40 at once, per key and route (Neon, "Key concepts")

	// Database gives the PostgreSQL server of a new branch. Nil, or a nil
	// Database, is one in memory. It is called with the stand-in locked.
	Database func(project, branch string) Database
}

// Neon is a whole Neon with its accounts. It is an http.Handler for Host, safe
// for concurrent use.
type Neon struct {
	cfg   Config
	front vendorsim.Front

	mu       sync.Mutex
	users    []*user
	orgs     []*org
	keys     []*key
	projects []*project
	buckets  map[string]*bucket
	numbers  int64    // the last number that a key or database got
	failing  []string // actions of operations that will fail
	issued   []string
}

// New makes an empty Neon.
func New(cfg Config) *Neon {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	n := &Neon{cfg: cfg, numbers: 165433, buckets: map[string]*bucket{}}
	n.front.Now = cfg.Now
	return n
}

// ServeHTTP answers calls.
func (n *Neon) ServeHTTP(w http.ResponseWriter, r *http.Request) { n.front.Serve(w, r, (*api)(n)) }

// Faults gives the faults between callers and this Neon.
func (n *Neon) Faults() *vendorsim.Faults { return &n.front.Faults }

// Log gives the requests so far, oldest first.
func (n *Neon) Log() []vendorsim.Entry { return n.front.Requests.Entries() }

// Settle does what operations have to do by now. Every call does it first;
// only those who look at a database behind the stand-in's back need it.
func (n *Neon) Settle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle(context.Background())
}

// api is Neon behind its front.
type api Neon

// Operation labels a call by its route.
func (a *api) Operation(r *http.Request) string { return routes().Label(r) }

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, call := (*Neon)(a), &route.Call{W: w, R: r}
	found := routes().Find(r)
	n.mu.Lock()
	defer n.mu.Unlock()
	if found == nil {
		n.fail(call, http.StatusNotFound, "this route does not exist")
		return
	}
	call.Path = found.Path
	n.settle(r.Context())
	found.Do(n, call)
}

func (n *Neon) now() time.Time { return n.cfg.Now().UTC() }

func (n *Neon) number() int64 {
	n.numbers++
	return n.numbers
}

// credential makes a credential and remembers it for Issued.
func (n *Neon) credential(prefix string, length int) string {
	c := vendorsim.Credential(n.cfg.Rand, prefix, length)
	n.issued = append(n.issued, c)
	return c
}

// bytes reads randomness. A source that cannot give any is a mistake of the
// program.
func (n *Neon) bytes(count int) []byte {
	b := make([]byte, count)
	if _, err := io.ReadFull(n.cfg.Rand, b); err != nil {
		panic("neon: the source of randomness failed: " + err.Error())
	}
	return b
}

// uuid makes a random UUID (RFC 9562, version 4).
func (n *Neon) uuid() string {
	b := n.bytes(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// slug makes an id of two words and a number, as Neon's are.
func (n *Neon) slug(prefix string) string {
	first := [16]string{"aged", "bold", "calm", "damp", "fancy", "little", "morning", "noisy", "quiet", "shiny", "silent", "small", "soft", "steep", "sweet", "wispy"}
	second := [16]string{"bird", "bread", "breeze", "bush", "cell", "cloud", "dew", "disk", "hill", "meadow", "pine", "salad", "smoke", "sunset", "violet", "wind"}
	b, digits := n.bytes(10), []byte("00000000")
	for i := range digits {
		digits[i] += b[i+2] % 10
	}
	return prefix + first[b[0]&15] + "-" + second[b[1]&15] + "-" + string(digits)
}

// fail answers in the form of GeneralError. The code is the empty string with
// every error that was ever seen quoted in public.
func (n *Neon) fail(c *route.Call, code int, why string) {
	id := c.R.Header.Get("X-Request-ID")
	if id == "" {
		id = n.uuid()
	}
	c.JSON(code, map[string]any{"request_id": id, "code": "", "message": why})
}

// second gives a time as Neon writes it.
func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }
