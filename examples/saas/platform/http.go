package platform

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	maxBody      = 64 << 10        // bytes of a request, or of the control plane's answer
	requestLimit = 2 * time.Minute // a request that restarts every workspace takes longest
)

// mux is all calls.
func (s *Server) mux() *http.ServeMux {
	m := http.NewServeMux()
	m.HandleFunc("GET /health", s.health)
	for pattern, do := range map[string]http.HandlerFunc{
		"GET /settings/secrets":           s.listGlobals,
		"PUT /settings/secrets":           s.putGlobal,
		"GET /workspaces":                 s.listWorkspaces,
		"POST /workspaces":                s.makeWorkspace,
		"GET /workspaces/{id}/secrets":    s.with(s.listOverrides),
		"PUT /workspaces/{id}/secrets":    s.with(s.putOverride),
		"DELETE /workspaces/{id}/secrets": s.with(s.removeOverride),
		"POST /workspaces/{id}/restart":   s.with(s.restartWorkspace),
		"POST /workspaces/{id}/pause":     s.with(s.pauseWorkspace),
		"POST /workspaces/{id}/resume":    s.with(s.resumeWorkspace),
		"POST /workspaces/{id}/ask":       s.with(s.askWorkspace),
		"POST /visits":                    s.visit,
		"GET /logs":                       s.listLines,
		"/":                               func(w http.ResponseWriter, _ *http.Request) { fail(w, http.StatusNotFound, "no such call") },
	} {
		m.HandleFunc(pattern, s.authorised(do))
	}
	return m
}

// ServeHTTP answers a call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		fail(w, http.StatusServiceUnavailable, "the platform ends")
		return
	}
	defer s.under.Done()
	ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
	defer cancel()
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.routes.ServeHTTP(w, r.WithContext(ctx))
}

// authorised lets a call through that came with the admin token.
func (s *Server) authorised(do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if got := digest(given); !ok || subtle.ConstantTimeCompare(got[:], s.admin[:]) != 1 {
			fail(w, http.StatusUnauthorized, "the admin token is missing or wrong")
			return
		}
		do(w, r)
	}
}

// digest makes values of any length comparable in constant time.
func digest(value string) [sha256.Size]byte { return sha256.Sum256([]byte(value)) }

// with finds the workspace in the path.
func (s *Server) with(do func(http.ResponseWriter, *http.Request, *workspace)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, ws := range s.all() {
			if ws.id == r.PathValue("id") {
				do(w, r, ws)
				return
			}
		}
		fail(w, http.StatusNotFound, "no such workspace")
	}
}

// read reads the body, or answers and reports false. An empty body is an empty
// object.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(r.Body).Decode(into)
	var large *http.MaxBytesError
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return true
	case errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, "the body is too large")
	default:
		fail(w, http.StatusBadRequest, "the body is no JSON object that this call takes") // the error may quote it
	}
	return false
}

func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // the caller may have gone
}

func fail(w http.ResponseWriter, code int, why string) {
	reply(w, code, map[string]string{"error": why})
}

// broke answers that the store failed.
func (s *Server) broke(w http.ResponseWriter, r *http.Request, err error) {
	s.log.ErrorContext(r.Context(), r.Method+" "+r.Pattern+": "+err.Error())
	fail(w, http.StatusInternalServerError, err.Error())
}
