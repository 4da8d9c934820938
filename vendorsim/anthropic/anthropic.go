// Package anthropic is a stateful stand-in of Anthropic's API: the part of the
// Admin API that lists, shows and changes API keys and shows workspaces, and
// the Models and Messages APIs that consumers use a key for. Keys are made by
// CreateKey only, as a person makes them in the Console: no call makes one
// ("Administration API", frequently asked questions).
//
// Anthropic publishes no OpenAPI description. Forms are those of the API
// reference (platform.claude.com/docs/en/api) and of anthropic-sdk-go. Guesses,
// because nothing published tells:
//
//   - a change of a key's status works at once (Config.StatusLag delays it);
//   - keys and workspaces are listed newest first;
//   - an archived or expired key is changed by nobody: 400;
//   - a key that the call is not meant for, an Admin key at the Models API or
//     an ordinary one at the Admin API, is answered like an unknown one: 401;
//   - a cursor that is not there is answered with 400.
//
// Where the sources disagree, both are given: a key's workspace is in
// workspace_id (the reference) and in scope (anthropic-sdk-go 1.84).
//
// Left out: members, invites, usage and cost, federation, batches, files,
// streaming.
package anthropic

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

// Host is where the API is served.
const Host = "api.anthropic.com"

// apiVersion is the value of the anthropic-version header that every call
// needs ("Versions" in the reference).
const apiVersion = "2023-06-01"

// Config says how a stand-in behaves. The zero value does everything at once
// and limits nothing.
type Config struct {
	Now  pawl.Clock // nil is time.Now
	Rand io.Reader  // for credentials and ids; nil is crypto/rand

	StatusLag time.Duration // how long a key works on as it did after its status was changed
	PageCap   int           // an answer has no more items than this, whatever was asked for; 0 is the documented 1000
	PerMinute int           // calls of one workspace to Models and Messages; 0 does not limit
}

// Anthropic is one organisation. It is an http.Handler for Host, safe for
// concurrent use.
type Anthropic struct {
	cfg   Config
	front vendorsim.Front

	mu         sync.Mutex
	org        string // the organisation's id
	user       string // who makes keys
	admins     []string
	workspaces []*workspace
	keys       []*key // oldest first
	overloaded bool
	made       map[string][]time.Time // calls of the last minute by workspace
	issued     []string
}

// New makes an organisation with nothing in it.
func New(cfg Config) *Anthropic {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.PageCap == 0 {
		cfg.PageCap = maxPage
	}
	a := &Anthropic{cfg: cfg, org: uuid(cfg.Rand), made: map[string][]time.Time{}}
	a.user = a.id("user_")
	a.front.Now = cfg.Now
	return a
}

// ServeHTTP answers a call.
func (a *Anthropic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.front.Serve(w, r, (*api)(a))
}

// Faults gives the faults between callers and this stand-in.
func (a *Anthropic) Faults() *vendorsim.Faults { return &a.front.Faults }

// Log gives the requests so far, oldest first.
func (a *Anthropic) Log() []vendorsim.Entry { return a.front.Requests.Entries() }

// api is the stand-in behind its front.
type api Anthropic

// Operation labels a call by its route.
func (*api) Operation(r *http.Request) string { return routes().Label(r) }

// table is all calls. It is built once and never changed.
var table = route.Table[*Anthropic]{
	{Method: "GET", Path: "/v1/organizations/me", Do: admin(showOrganization)},
	{Method: "GET", Path: "/v1/organizations/workspaces/{workspace}", Do: admin(showWorkspace)},
	{Method: "GET", Path: "/v1/organizations/api_keys", Do: admin(listKeys)},
	{Method: "GET", Path: "/v1/organizations/api_keys/{key}", Do: admin(withKey(showKey))},
	{Method: "POST", Path: "/v1/organizations/api_keys/{key}", Do: admin(withKey(updateKey))},
	{Method: "GET", Path: "/v1/models", Do: consumer(listModels)},
	{Method: "GET", Path: "/v1/models/{model}", Do: consumer(showModel)},
	{Method: "POST", Path: "/v1/messages", Do: consumer(createMessage)},
}

func routes() route.Table[*Anthropic] { return table }

func (s *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, c := (*Anthropic)(s), &route.Call{W: w, R: r}
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("request-id", a.id("req_"))
	w.Header().Set("anthropic-organization-id", a.org)
	found := routes().Find(r)
	switch {
	case found == nil:
		fail(c, http.StatusNotFound, "not_found_error", "Not found")
	case r.Header.Get("anthropic-version") == "":
		fail(c, http.StatusBadRequest, invalidRequest, "anthropic-version: header is required")
	case r.Header.Get("anthropic-version") != apiVersion:
		fail(c, http.StatusBadRequest, invalidRequest, "anthropic-version: is not a valid version")
	default:
		c.Path = found.Path
		found.Do(a, c)
	}
}

const invalidRequest = "invalid_request_error"

// fail answers in the form of the reference ("Errors"). The id of the request
// is in the body too.
func fail(c *route.Call, code int, kind, why string) {
	c.JSON(code, map[string]any{"type": "error", "error": map[string]any{"type": kind, "message": why}, "request_id": c.W.Header().Get("request-id")})
}

func (a *Anthropic) now() time.Time { return a.cfg.Now().UTC() }

// id makes an id as they look in the reference: a word, 01, and 22 letters and
// digits.
func (a *Anthropic) id(prefix string) string { return prefix + "01" + vendorsim.Random(a.cfg.Rand, 22) }
