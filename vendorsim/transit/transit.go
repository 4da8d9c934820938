// Package transit is a stateful stand-in of the transit engine of HashiCorp
// Vault and OpenBao: named keys with versions, encrypt, decrypt, rewrap,
// rotate, config, and tokens whose policies say which paths they may use.
//
// It follows builtin/logical/transit (path_encrypt.go, path_decrypt.go,
// path_rewrap.go) and sdk/helper/keysutil/policy.go of both servers, whose
// error texts it has:
//
//   - a ciphertext is "vault:v", the version, ":", and base64 of nonce, body
//     and tag; version 0 is read as 1, and the base64 with loose bits;
//   - rewrap takes associated_data and ignores it, so that it fails on what was
//     encrypted with some;
//   - encrypt makes a key that is missing, where the token has the capability
//     create, and is refused where it has update alone.
//
// Guessed: the words of a rate limit. Left out: derived and convergent keys,
// batches, exports, signatures, and every other engine.
package transit

import (
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// Config says how a stand-in behaves. The zero value is a new server.
type Config struct {
	Now       pawl.Clock // nil is time.Now
	Rand      io.Reader  // for keys, nonces and tokens; nil is crypto/rand
	Mount     string     // where the engine is; "" is "transit"
	Namespace string     // calls must name it; "" is the root's
	// IgnoresData makes it a Vault before 1.13, which has no associated_data
	// and ignores fields that it does not know.
	IgnoresData bool
}

// Transit is one server with one engine. It is an http.Handler, safe for
// concurrent use.
type Transit struct {
	cfg   Config
	front vendorsim.Front

	mu     sync.Mutex
	keys   map[string]*key
	tokens map[string][]Grant
	sealed bool
}

// Grant lets a token do something at a path, such as update at
// "transit/encrypt/pawl". A * at the end of the path is any rest.
type Grant struct {
	Path         string
	Capabilities []string
}

// New makes a server without keys and tokens.
func New(cfg Config) *Transit {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Mount == "" {
		cfg.Mount = "transit"
	}
	t := &Transit{cfg: cfg, keys: map[string]*key{}, tokens: map[string][]Grant{}}
	t.front.Now = cfg.Now
	return t
}

// ServeHTTP answers calls.
func (t *Transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.front.Serve(w, r, (*api)(t))
}

// Faults gives the faults between callers and this server. Labels are
// "encrypt", "decrypt" and so on.
func (t *Transit) Faults() *vendorsim.Faults { return &t.front.Faults }

// Log gives the requests so far, oldest first.
func (t *Transit) Log() []vendorsim.Entry { return t.front.Requests.Entries() }

// Token makes a token with grants.
func (t *Transit) Token(grants ...Grant) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	token := vendorsim.Credential(t.cfg.Rand, "hvs.", 24)
	t.tokens[token] = grants
	return token
}

// Revoke ends a token.
func (t *Transit) Revoke(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tokens, token)
}

// Seal seals the server, or unseals it. A sealed one answers nothing.
func (t *Transit) Seal(sealed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sealed = sealed
}

// api is the server behind its front.
type api Transit

// split gives the operation and the key's name of a path below the engine.
func (t *Transit) split(path string) (op, name string, ok bool) {
	rest, ok := strings.CutPrefix(path, "/v1/"+t.cfg.Mount+"/")
	if !ok {
		return "", "", false
	}
	parts := strings.Split(rest, "/")
	switch {
	case len(parts) == 2:
		return parts[0], parts[1], parts[1] != ""
	case len(parts) == 3 && parts[0] == "keys":
		return parts[2], parts[1], true // keys/NAME/rotate
	}
	return "", "", false
}

// Operation labels a call.
func (a *api) Operation(r *http.Request) string {
	if op, _, ok := (*Transit)(a).split(r.URL.Path); ok {
		return op
	}
	return "unknown"
}

// ServeHTTP answers in the order in which the server looks at a request.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, c := (*Transit)(a), &route.Call{W: w, R: r}
	t.mu.Lock()
	defer t.mu.Unlock()
	op, name, ok := t.split(r.URL.Path)
	capability := t.capability(op, name)
	switch {
	case t.sealed:
		fail(c, http.StatusServiceUnavailable, "Vault is sealed")
	case strings.Trim(r.Header.Get("X-Vault-Namespace"), "/") != t.cfg.Namespace:
		fail(c, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	case !t.may(r, capability):
		fail(c, http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	case !ok || operations()[op] == nil:
		fail(c, http.StatusNotFound, "no handler for route \""+strings.TrimPrefix(r.URL.Path, "/v1/")+"\". route entry not found.")
	case r.Method != http.MethodPost && r.Method != http.MethodPut:
		fail(c, http.StatusMethodNotAllowed, "unsupported operation")
	default:
		var in request
		if c.Read(&in) != nil {
			fail(c, http.StatusBadRequest, "failed to parse JSON input")
			return
		}
		operations()[op](t, c, name, in)
	}
}

// capability is what a call needs: to make what is missing is create.
func (t *Transit) capability(op, name string) string {
	if op == "encrypt" && t.keys[name] == nil {
		return "create"
	}
	return "update"
}

// may reports whether the request's token has a capability at its path.
func (t *Transit) may(r *http.Request, capability string) bool {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	for _, g := range t.tokens[r.Header.Get("X-Vault-Token")] {
		prefix, any := strings.CutSuffix(g.Path, "*")
		if path != g.Path && !(any && strings.HasPrefix(path, prefix)) {
			continue
		}
		for _, has := range g.Capabilities {
			if has == capability {
				return true
			}
		}
	}
	return false
}

// fail answers as the server does.
func fail(c *route.Call, code int, why string) {
	c.JSON(code, map[string]any{"errors": []string{why}})
}
