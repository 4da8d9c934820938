package platform

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// answerTokens is how long an answer may be.
const answerTokens = 1024

// errPaused means that a workspace is paused.
var errPaused = errors.New("the workspace is paused")

// listWorkspaces tells how each workspace fares, and the names of the secrets
// that it has of its own.
func (s *Server) listWorkspaces(w http.ResponseWriter, r *http.Request) {
	secrets, err := s.store.Secrets(r.Context())
	if err != nil {
		s.broke(w, r, err)
		return
	}
	list := []any{}
	for _, ws := range s.all() {
		own := []string{}
		for _, v := range secrets {
			if v.Workspace == ws.id {
				own = append(own, v.Key)
			}
		}
		status := ws.state.Load().status
		list = append(list, map[string]any{"id": ws.id, "paused": status == statusPaused, "status": status, "overrides": own})
	}
	reply(w, http.StatusOK, map[string]any{"workspaces": list})
}

// makeWorkspace makes a workspace and starts it. Its id may be chosen.
func (s *Server) makeWorkspace(w http.ResponseWriter, r *http.Request) {
	var in struct{ ID string }
	if !read(w, r, &in) {
		return
	}
	if in.ID == "" {
		in.ID = "ws-" + strings.ToLower(rand.Text()[:10])
	}
	if len(in.ID) > 63 || strings.Trim(in.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		fail(w, http.StatusBadRequest, "an id is at most 63 small letters, digits and -")
		return
	}
	ws := newWorkspace(in.ID, state{status: statusFailing})
	if !s.add(ws) {
		fail(w, http.StatusConflict, "the id is taken")
		return
	}
	defer ws.gate.Release(whole)
	if err := s.boot(r.Context(), ws); err != nil {
		s.remove(ws)
		s.broke(w, r, err)
		return
	}
	reply(w, http.StatusCreated, map[string]any{"id": ws.id, "status": ws.state.Load().status})
}

// add adds a workspace whose gate is held, unless its id is taken.
func (s *Server) add(ws *workspace) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range s.workspaces {
		if have.id == ws.id {
			return false
		}
	}
	s.workspaces = append(s.workspaces, ws)
	return ws.gate.TryAcquire(whole)
}

// remove takes back what add did.
func (s *Server) remove(ws *workspace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.workspaces = slices.DeleteFunc(slices.Clone(s.workspaces), func(have *workspace) bool { return have == ws })
}

// restartWorkspace restarts a workspace. Its status says what its first call
// has shown: that it is refused is no failure of the restart.
func (s *Server) restartWorkspace(w http.ResponseWriter, r *http.Request, ws *workspace) {
	done, err := s.restart(r.Context(), ws)
	switch {
	case err != nil:
		s.broke(w, r, err)
	case !done:
		fail(w, http.StatusConflict, errPaused.Error())
	default:
		answerStatus(w, ws)
	}
}

func answerStatus(w http.ResponseWriter, ws *workspace) {
	reply(w, http.StatusOK, map[string]any{"id": ws.id, "status": ws.state.Load().status})
}

// pauseWorkspace ends a workspace when the calls that it has under way have
// ended. It keeps no key.
func (s *Server) pauseWorkspace(w http.ResponseWriter, r *http.Request, ws *workspace) {
	err := ws.gate.Acquire(r.Context(), whole)
	if err == nil {
		defer ws.gate.Release(whole)
		err = s.change(r.Context(), ws, state{status: statusPaused})
	}
	if err != nil {
		s.broke(w, r, err)
		return
	}
	answerStatus(w, ws)
}

// resumeWorkspace starts a workspace, with the key that is in force now. One
// that is not paused it restarts.
func (s *Server) resumeWorkspace(w http.ResponseWriter, r *http.Request, ws *workspace) {
	err := ws.gate.Acquire(r.Context(), whole)
	if err == nil {
		defer ws.gate.Release(whole)
		err = s.boot(r.Context(), ws)
	}
	if err != nil {
		s.broke(w, r, err)
		return
	}
	answerStatus(w, ws)
}

// askWorkspace has a workspace call the model, with the key that it booted with.
func (s *Server) askWorkspace(w http.ResponseWriter, r *http.Request, ws *workspace) {
	var in struct{ Prompt string }
	if !read(w, r, &in) {
		return
	}
	if in.Prompt == "" {
		fail(w, http.StatusBadRequest, "a prompt is needed")
		return
	}
	answer, err := s.ask(r.Context(), ws, in.Prompt)
	switch {
	case errors.Is(err, errPaused):
		fail(w, http.StatusConflict, err.Error())
	case err != nil:
		fail(w, http.StatusBadGateway, ws.id+": "+err.Error())
	default:
		reply(w, http.StatusOK, map[string]string{"answer": answer})
	}
}

// listLines gives the lines of all workspaces since a time, each a JSON object
// on a line of its own.
func (s *Server) listLines(w http.ResponseWriter, r *http.Request) {
	var since time.Time
	if text := r.URL.Query().Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			fail(w, http.StatusBadRequest, "since is no time: give one like 2026-01-02T15:04:05Z")
			return
		}
	}
	lines, err := s.store.Lines(r.Context(), since)
	if err != nil {
		s.broke(w, r, err)
		return
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	for _, l := range lines {
		if err := out.Encode(map[string]string{"at": l.At.UTC().Format(instant), "message": l.Message}); err != nil {
			s.broke(w, r, err)
			return
		}
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	_, _ = w.Write(b.Bytes()) // the caller may have gone
}
