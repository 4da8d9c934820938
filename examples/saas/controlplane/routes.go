package controlplane

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Limits. A call of a person's may wait for a vendor that works.
const (
	longest  = 90 * time.Second // for a request as a whole
	perCall  = 15 * time.Second // for one call of a vendor's
	maxBody  = 1 << 20          // bytes of a request
	maxReply = 4 << 20          // bytes of a tenant's answer
)

// call answers a request with a status and what becomes its JSON; nil is no
// body. An error is answered as its kind says.
type call func(*http.Request) (int, any, error)

// raw is an answer that is given on as it came.
type raw struct {
	kind string
	body []byte
}

// failure is the body of every refusal.
type failure struct {
	Error string `json:"error"`
}

// refusal is an error whose words are for the caller.
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return r.text }

func refuse(code int, text string) error { return &refusal{code, text} }

// routes lists all calls.
func (s *Server) routes() *http.ServeMux {
	m := http.NewServeMux()
	handle := func(pattern string, do call) { m.Handle(pattern, s.handler(do)) }
	admin := func(pattern string, do call) { handle(pattern, s.admin(do)) }
	org := func(pattern string, do func(*http.Request, Org) (int, any, error)) {
		admin(pattern, func(r *http.Request) (int, any, error) {
			o, err := s.store.Find(r.Context(), r.PathValue("org"))
			if err != nil {
				return 0, nil, err
			}
			return do(r, o)
		})
	}
	handle("GET /health", s.health)
	handle("POST /webhooks/stripe", s.stripeEvent)
	handle("GET /tenant/instance", s.tenantInstance)
	admin("GET /cp/orgs", s.listOrgs)
	admin("POST /cp/orgs", s.createOrg)
	org("GET /cp/orgs/{org}", s.showOrg)
	org("DELETE /cp/orgs/{org}", s.eraseOrg)
	org("POST /cp/orgs/{org}/reprovision", s.reprovisionOrg)
	admin("POST /cp/billing/checkout", s.checkout)
	admin("GET /cp/workspaces", s.allWorkspaces)
	for _, own := range []string{"/secrets", "/settings/secrets"} { // the second is the platform's own name for it
		org("GET /cp/orgs/{org}"+own, s.passOn("/settings/secrets"))
		org("PUT /cp/orgs/{org}"+own, s.passOn("/settings/secrets"))
	}
	org("GET /cp/orgs/{org}/logs", s.passOn("/logs"))
	const workspace = "/workspaces/{workspace}"
	org("GET /cp/orgs/{org}"+workspace+"/secrets", s.passOn(workspace+"/secrets"))
	org("PUT /cp/orgs/{org}"+workspace+"/secrets", s.passOn(workspace+"/secrets"))
	for _, act := range []string{"/restart", "/pause", "/resume", "/ask"} {
		org("POST /cp/orgs/{org}"+workspace+act, s.passOn(workspace+act))
	}
	handle("/", func(*http.Request) (int, any, error) { return 0, nil, refuse(http.StatusNotFound, "no such call") })
	return m
}

// admin lets a call through that came with the admin token.
func (s *Server) admin(do call) call {
	want := sha256.Sum256([]byte("Bearer " + s.cfg.AdminToken))
	return func(r *http.Request) (int, any, error) {
		given := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
			return 0, nil, refuse(http.StatusUnauthorized, "the admin token is missing or wrong")
		}
		return do(r)
	}
}

// handler answers what a call gives, and logs what went wrong here or at a
// vendor.
func (s *Server) handler(do call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		code, body, err := do(r)
		if err != nil {
			code, body = status(err), failure{told(err)}
		}
		if err != nil && code >= http.StatusInternalServerError {
			s.log.Error(err.Error(), "call", r.Pattern, "status", code)
		}
		if code == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", "5")
		}
		s.answer(w, code, body)
	})
}

// status gives the status of an error.
func status(err error) int {
	var r *refusal
	var v *vendorError
	switch {
	case errors.As(err, &r):
		return r.code
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, ErrTaken):
		return http.StatusConflict
	case errors.As(err, &v) && v.busy():
		return http.StatusServiceUnavailable
	case errors.As(err, &v):
		return http.StatusBadGateway
	default:
		return http.StatusServiceUnavailable
	}
}

// told is what the caller reads of an error. What the database says is for the
// log alone.
func told(err error) string {
	var r *refusal
	var v *vendorError
	switch {
	case errors.As(err, &r), errors.As(err, &v), errors.Is(err, ErrNotFound), errors.Is(err, ErrTaken), errors.Is(err, errUnreadable):
		return err.Error()
	default:
		return "the control plane cannot do this now: its log says why"
	}
}

// answer writes an answer. The caller may have gone.
func (s *Server) answer(w http.ResponseWriter, code int, body any) {
	switch b := body.(type) {
	case nil:
		w.WriteHeader(code)
	case raw:
		w.Header().Set("Content-Type", b.kind)
		w.WriteHeader(code)
		_, _ = w.Write(b.body)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(body)
	}
}

// read reads a JSON body. An empty one leaves into as it is. The error has
// nothing of the body in it, which may be secret.
func read(r *http.Request, into any) error {
	err := json.NewDecoder(r.Body).Decode(into)
	var large *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &large):
		return refuse(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxBody))
	default:
		return refuse(http.StatusBadRequest, "the body is not the JSON that this call takes")
	}
}

// bearer reads the token of a request.
func bearer(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

// through gives a context for work that must end well although the caller has
// gone.
func through(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), longest)
}
