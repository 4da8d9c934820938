// Package resend is a stateful stand-in of Resend: API keys, domains with
// their DNS records, and emails whose events come with time.
//
// It follows the published OpenAPI description (resend/resend-openapi, version
// 1.5.0) and Resend's own pages: the introduction (User-Agent), errors, usage
// limits, pagination, idempotency keys, API keys and test addresses. The
// description has no refusals; their statuses, names and texts are those of
// the errors page.
//
// Where sources disagree, both can be chosen:
//
//   - a key that is dead is answered 403 invalid_api_key (errors page), or
//     validation_error with status 400 for reads and 401 for a send, which is
//     what people saw (resend-node#617 and reports of 2026; Config.DeadKeys);
//   - times are "2023-10-06 23:47:56.678+00" (the description) or RFC 3339
//     (examples on Resend's pages; Config.RFC3339Times).
//
// Guessed, because nothing says: that a name which is too long is a
// validation_error, that an unknown domain_id is one too, how soon events come,
// and that every call which a key makes counts as its last use.
//
// Left out: batches, attachments, schedules, audiences, broadcasts, templates,
// webhooks, logs, and the daily and monthly quotas.
package resend

import (
	"crypto/rand"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// Host is where Resend serves its API.
const Host = "api.resend.com"

// DeadKeys says how a key that is not known, or not any more, is answered.
type DeadKeys string

// The ways. The first is the zero value's.
const (
	AsDocumented DeadKeys = ""         // 403 invalid_api_key
	AsObserved   DeadKeys = "observed" // validation_error, 400 for reads and 401 for a send
)

// Config says how a stand-in behaves. The zero value is a Resend that does
// everything at once and limits nothing.
type Config struct {
	Now  pawl.Clock // nil is time.Now
	Rand io.Reader  // for keys and ids; nil is crypto/rand

	DeletionLag time.Duration // a deleted key is accepted for this long
	EmailLag    time.Duration // how late a new email can be read and listed
	Sending     time.Duration // how long an email is queued before it is sent,
	Delivering  time.Duration // and then until it is delivered or bounces

	PerSecond    int // calls of the team in one second, 0 is not limited; Resend's default is 5, on an older page 2
	DeadKeys     DeadKeys
	RFC3339Times bool
}

// Resend is one team's Resend. It is an http.Handler for Host, safe for
// concurrent use.
type Resend struct {
	cfg   Config
	front vendorsim.Front

	mu      sync.Mutex
	keys    []*key
	domains []*domain
	emails  []*email
	once    map[string]*email // by idempotency key
	calls   window
	issued  []string
}

// New makes a Resend without keys and domains.
func New(cfg Config) *Resend {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	r := &Resend{cfg: cfg, once: map[string]*email{}}
	r.front.Now = cfg.Now
	return r
}

// ServeHTTP answers calls to Host.
func (r *Resend) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.front.Serve(w, req, (*api)(r))
}

// Faults gives the faults between callers and this Resend.
func (r *Resend) Faults() *vendorsim.Faults { return &r.front.Faults }

// Log gives the requests so far, oldest first.
func (r *Resend) Log() []vendorsim.Entry { return r.front.Requests.Entries() }

// api is Resend behind its front.
type api Resend

// Operation labels a call by its route.
func (a *api) Operation(req *http.Request) string { return routes().Label(req) }

// ServeHTTP turns callers without a User-Agent away first: the network in
// front of Resend does that, in its own words (introduction, error 1010).
func (a *api) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r, c := (*Resend)(a), &route.Call{W: w, R: req}
	if req.Header.Get("User-Agent") == "" {
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "error code: 1010") // the caller may have gone
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.limited(c) {
		return
	}
	found := routes().Find(req)
	switch {
	case found != nil:
		c.Path = found.Path
		found.Do(r, c)
	case known(req.URL.EscapedPath()):
		fail(c, http.StatusMethodNotAllowed, "method_not_allowed", "Method is not allowed for the requested path.")
	default:
		fail(c, http.StatusNotFound, "not_found", "The requested endpoint does not exist.")
	}
}

func (r *Resend) now() time.Time { return r.cfg.Now().UTC() }

// id makes an id in the form that Resend's have.
func (r *Resend) id() string {
	b := make([]byte, 16)
	if _, err := io.ReadFull(r.cfg.Rand, b); err != nil {
		panic("resend: the source of randomness failed: " + err.Error()) // a mistake of the program
	}
	return uuid(b)
}

// instant gives a time as Resend writes it.
func (r *Resend) instant(t time.Time) string {
	if r.cfg.RFC3339Times {
		return t.UTC().Format("2006-01-02T15:04:05.000000-07:00")
	}
	return t.UTC().Format("2006-01-02 15:04:05.000000-07")
}

// fail answers in the form of the errors page.
func fail(c *route.Call, code int, name, why string) {
	c.JSON(code, map[string]any{"statusCode": code, "name": name, "message": why})
}

// invalid answers that a field is missing, or not as it should be.
func invalid(c *route.Call, why string) {
	fail(c, http.StatusUnprocessableEntity, "validation_error", why)
}

func missing(c *route.Call, field string) {
	fail(c, http.StatusUnprocessableEntity, "missing_required_field", "Missing `"+field+"` field.")
}
