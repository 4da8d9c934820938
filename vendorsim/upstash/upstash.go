// Package upstash is a stateful stand-in of Upstash: the Developer API with
// Redis databases, QStash users, teams and audit logs, the REST API of each
// database, and the QStash API as far as it shows whether a token is taken.
//
// A database can have a real Redis behind it: resetting its password changes
// that of the server's default user, and DialTLS reaches the server as clients
// do. What Upstash does otherwise than Redis with access control lists
// (tokens of its own making, no change of the default user) is in its line.
//
// It follows the published OpenAPI description of the Developer API
// (upstash/docs, devops/developer-api/openapi.yml, 2026-08-21), Upstash's pages
// on authentication, status codes, the REST API, security and the commands ACL
// GENTOKEN, SETUSER, GETUSER and RESTTOKEN, and for QStash its own description
// (qstash/openapi.yaml).
//
// Where sources disagree: the description's Database has neither password nor
// rest_token nor read_only_rest_token, and yet its parameter `credentials`
// hides them; Upstash's Terraform provider reads them from both the read and
// the reset. They are answered here. Config.BareResets leaves them out of the
// answer to a reset, as the description has it.
//
// Guessed, because nothing says: the body of a refusal (the description's
// Error, which no path uses), that a database of somebody else's is answered
// 404, that Upstash counts calls in whole minutes and gives Retry-After, whether a
// reset cuts the connections that are open (Config.CutsOnReset), the action ids of
// audit logs, and that ACL GETUSER shows the SHA-256 of the whole token.
//
// Left out: making and deleting databases, plans, backups, statistics, Vector
// and Search, QStash's messages, and Developer API keys, which have no calls.
package upstash

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// Host is where Upstash serves the Developer API.
const Host = "api.upstash.com"

// domain is what the hosts of databases and of QStash end with.
const domain = ".upstash.io"

// Config says how a stand-in behaves. The zero value is an Upstash that limits
// nothing and answers credentials wherever it can.
type Config struct {
	Now  pawl.Clock // nil is time.Now
	Rand io.Reader  // for keys, tokens and ids; nil is crypto/rand

	PerMinute   int  // calls of an account to the Developer API in a minute, 0 is not limited
	BareResets  bool // the answer to a reset has no credentials: they must be read
	CutsOnReset bool // a reset ends the connections of the default user
}

// Upstash is all of Upstash. It is an http.Handler for Host, for the hosts of
// databases and for those of QStash, safe for concurrent use.
type Upstash struct {
	cfg   Config
	front vendorsim.Front

	mu        sync.Mutex
	accounts  []*account
	databases []*database
	queues    []*qstash
	audit     []entry
	issued    []string
	cert      certificate // made when it is asked for
}

// New makes an Upstash without accounts.
func New(cfg Config) *Upstash {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	u := &Upstash{cfg: cfg}
	u.front.Now = cfg.Now
	return u
}

// ServeHTTP answers calls to all hosts.
func (u *Upstash) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.front.Serve(w, r, (*api)(u))
}

// Faults gives the faults between callers and this Upstash.
func (u *Upstash) Faults() *vendorsim.Faults { return &u.front.Faults }

// Log gives the requests so far, oldest first.
func (u *Upstash) Log() []vendorsim.Entry { return u.front.Requests.Entries() }

// Hosts gives a handler for each host that is served now.
func (u *Upstash) Hosts() map[string]http.Handler {
	u.mu.Lock()
	defer u.mu.Unlock()
	hosts := map[string]http.Handler{Host: u}
	for _, d := range u.databases {
		hosts[d.host()] = u
	}
	for _, q := range u.queues {
		hosts[q.host()] = u
	}
	return hosts
}

// api is Upstash behind its front.
type api Upstash

// Operation labels a call by its route.
func (a *api) Operation(r *http.Request) string { return serving(r).Label(r) }

// ServeHTTP finds what a call asks for. The path is known before the caller is,
// so an unknown one is 404 for everybody.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u, c := (*Upstash)(a), &route.Call{W: w, R: r}
	u.mu.Lock()
	defer u.mu.Unlock()
	found := serving(r).Find(r)
	if found == nil {
		fail(c, http.StatusNotFound, "not_found", "not found")
		return
	}
	c.Path = found.Path
	found.Do(u, c)
}

// serving gives the routes of the host that a call goes to.
func serving(r *http.Request) route.Table[*Upstash] {
	switch host := hostOf(r); {
	case strings.HasPrefix(host, "qstash-"):
		return queueTable
	case strings.HasSuffix(host, domain):
		return restTable
	default:
		return developerTable
	}
}

// hostOf gives the host that a call goes to. One that reached a listener has it
// in a header.
func hostOf(r *http.Request) string {
	host := r.URL.Hostname()
	if host == "" {
		host, _, _ = strings.Cut(r.Host, ":")
	}
	return host
}

func (u *Upstash) now() time.Time { return u.cfg.Now().UTC() }

// credential makes a value that a leak search finds.
func (u *Upstash) credential(prefix string, n int) string {
	v := vendorsim.Credential(u.cfg.Rand, prefix, n)
	u.issued = append(u.issued, v)
	return v
}

// id makes a UUID.
func (u *Upstash) id() string {
	var b [16]byte
	if _, err := io.ReadFull(u.cfg.Rand, b[:]); err != nil {
		panic("upstash: the source of randomness failed: " + err.Error()) // a mistake of the program
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// digest tells values apart without showing them.
func digest(v string) string {
	sum := sha256.Sum256([]byte(v))
	return hex.EncodeToString(sum[:])
}

// fail answers in the form of the description's Error.
func fail(c *route.Call, status int, code, why string) {
	c.JSON(status, map[string]any{"code": code, "message": why})
}
