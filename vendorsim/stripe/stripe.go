// Package stripe is a stateful stand-in of one Stripe account in one mode:
// API keys and what the dashboard does with them, webhook endpoints with
// their signing secrets, the delivery of events, the balance, customers and
// checkout sessions.
//
// It follows Stripe's published OpenAPI description (spec3, version
// 2026-08-26.dahlia), which has no refusals beyond their form, and these pages
// of docs.stripe.com: "API keys" (rotation, expiry), "Receive Stripe events in
// your webhook endpoint" (rolling, signatures, retries), "Idempotent
// requests", "Pagination", "Errors", "Rate limits". Texts of refusals are as
// Stripe's users quote them.
//
// Guesses, where those are silent: a key that is ended is refused at once
// (Config.RevocationLag has it otherwise); one endpoint too many in live mode
// is refused in the same words as in test mode; the pauses between retries of
// a delivery; a restricted key may make checkout sessions with the permission
// rak_checkout_session_write; the permission is looked at before parameters.
//
// Left out: connected accounts, /v2, expansion, idempotency conflicts of calls
// at the same time (one call is served after the other), the rule that an
// endpoint's URL must be public, and every parameter of customers and sessions
// that changes nothing here: those are taken and forgotten.
package stripe

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// The hosts that Stripe answers at: its API, and the pages that customers are
// sent to.
const (
	Host         = "api.stripe.com"
	CheckoutHost = "checkout.stripe.com"
)

// DefaultVersion is the version of the API that is meant when a call names
// none.
const DefaultVersion = "2026-08-26.dahlia"

// Config says how a stand-in behaves. In the zero value it is an account in
// test mode that limits nothing and delivers no events.
type Config struct {
	Now  pawl.Clock // nil is time.Now
	Rand io.Reader  // for keys, secrets and ids; nil is crypto/rand

	Live         bool              // live mode instead of test mode
	Transport    http.RoundTripper // takes the events to the endpoints' URLs; nil sends none
	MaxEndpoints int               // webhook endpoints that the account has room for; 0 is 16
	PerSecond    int               // calls a second; 0 is no limit

	RevocationLag time.Duration // a key that was ended is accepted for this long
}

// Stripe is one account. It is an http.Handler for Host and CheckoutHost, safe
// for concurrent use.
type Stripe struct {
	cfg     Config
	front   vendorsim.Front
	account string

	mu         sync.Mutex
	keys       []*key
	endpoints  []*endpoint // newest first, as they are listed
	customers  []*customer
	sessions   []string
	deliveries []*delivery
	replays    map[string]*replay
	issued     []string
	calls      int
	second     window
}

// New makes an empty account.
func New(cfg Config) *Stripe {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.MaxEndpoints == 0 {
		cfg.MaxEndpoints = 16
	}
	s := &Stripe{cfg: cfg, account: "acct_1" + vendorsim.Random(cfg.Rand, 15), replays: map[string]*replay{}}
	s.front.Now = cfg.Now
	return s
}

// ServeHTTP answers a call, and then sends the events that it has caused.
func (s *Stripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.front.Serve(w, r, (*api)(s))
	s.Deliver()
}

// Faults gives the faults between callers and this account.
func (s *Stripe) Faults() *vendorsim.Faults { return &s.front.Faults }

// Log gives the requests so far, oldest first.
func (s *Stripe) Log() []vendorsim.Entry { return s.front.Requests.Entries() }

func (s *Stripe) now() time.Time { return s.cfg.Now().UTC() }

func (s *Stripe) id(prefix string) string { return prefix + vendorsim.Random(s.cfg.Rand, 24) }

// mode is the word for the mode in names and texts.
func (s *Stripe) mode() string {
	if s.cfg.Live {
		return "live"
	}
	return "test"
}

// api is the account behind its front.
type api Stripe

// Operation labels a call by its route.
func (a *api) Operation(r *http.Request) string { return table.Label(r) }

// ServeHTTP lets a call through whose key is accepted, that is inside the
// limit, whose version there is, and whose key may do this.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, c := (*Stripe)(a), &route.Call{W: w, R: r}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := table.Find(r)
	if found != nil && found.Path == pagePath {
		c.Path = found.Path
		found.Do(s, c)
		return
	}
	k := s.welcome(c)
	switch {
	case k == nil:
	case found == nil:
		fail(c, http.StatusNotFound, problem{Message: fmt.Sprintf("Unrecognized request URL (%s: %s). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.", r.Method, r.URL.Path)})
	case !k.may(c, s.account, needs[found.Method+" "+found.Path]):
	default:
		c.Path = found.Path
		s.once(c, k, found.Do)
	}
}

// versions is the form of a version of the API.
var versions = regexp.MustCompile(`^20\d\d-\d\d-\d\d(\.[a-z]+)?$`)

// welcome gives the key of a call, or answers.
func (s *Stripe) welcome(c *route.Call) *key {
	s.calls++
	h, version := c.W.Header(), c.R.Header.Get("Stripe-Version")
	h.Set("Request-Id", "req_"+vendorsim.Random(s.cfg.Rand, 14))
	h.Set("Date", s.now().Format(http.TimeFormat)) // the server's own would be another clock
	if version == "" {
		version = DefaultVersion
	}
	k := s.caller(c)
	switch {
	case k == nil:
		return nil
	case s.cfg.PerSecond > 0 && !s.second.take(s.now(), s.cfg.PerSecond):
		h.Set("Stripe-Rate-Limited-Reason", "global-rate")
		fail(c, http.StatusTooManyRequests, problem{Code: "rate_limit", Message: "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."})
		return nil
	case !versions.MatchString(version):
		fail(c, http.StatusBadRequest, problem{Message: "Invalid Stripe API version. See https://stripe.com/docs/upgrades#api-versions for the versions that there are."})
		return nil
	}
	h.Set("Stripe-Version", version)
	return k
}

// window counts calls of one second.
type window struct {
	used  int
	until time.Time
}

func (w *window) take(now time.Time, limit int) bool {
	if !now.Before(w.until) {
		*w = window{until: now.Add(time.Second)}
	}
	w.used++
	return w.used <= limit
}
