package platform

import (
	"context"
	"net/http"
)

// instant is how times are written: as RFC 3339 has them, and so that they sort.
const instant = "2006-01-02T15:04:05.000000000Z07:00"

// listGlobals tells which global secrets there are and when they were set, and
// never a value.
func (s *Server) listGlobals(w http.ResponseWriter, r *http.Request) { s.listSecrets(w, r, "") }

// listOverrides tells which secrets a workspace has of its own.
func (s *Server) listOverrides(w http.ResponseWriter, r *http.Request, ws *workspace) {
	s.listSecrets(w, r, ws.id)
}

func (s *Server) listSecrets(w http.ResponseWriter, r *http.Request, workspace string) {
	all, err := s.store.Secrets(r.Context())
	if err != nil {
		s.broke(w, r, err)
		return
	}
	list := []any{}
	for _, v := range all {
		if v.Workspace != workspace {
			continue
		}
		value, err := s.vault.openSecret(r.Context(), v) // sealed, an empty value looks like any other
		if err != nil {
			s.broke(w, r, err)
			return
		}
		list = append(list, map[string]any{"key": v.Key, "has_value": value != "", "updated_at": v.UpdatedAt.UTC().Format(instant)})
	}
	reply(w, http.StatusOK, map[string]any{"secrets": list})
}

// putGlobal sets a global secret and restarts every workspace that is not
// paused. When it has answered, nothing works with the former value any more
// but workspaces that have one of their own.
func (s *Server) putGlobal(w http.ResponseWriter, r *http.Request) { s.putSecret(w, r, "", s.all()) }

// putOverride sets a secret of one workspace, which shadows the global one, and
// restarts it.
func (s *Server) putOverride(w http.ResponseWriter, r *http.Request, ws *workspace) {
	s.putSecret(w, r, ws.id, []*workspace{ws})
}

// putSecret sets a secret and restarts those who have it. That the caller goes
// away does not stop it halfway.
func (s *Server) putSecret(w http.ResponseWriter, r *http.Request, workspace string, restart []*workspace) {
	var in struct{ Key, Value string }
	if !read(w, r, &in) {
		return
	}
	if in.Key == "" || in.Value == "" {
		fail(w, http.StatusBadRequest, "key and value are needed")
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), requestLimit)
	defer cancel()
	if err := s.write(ctx, workspace, in.Key, in.Value); err != nil {
		s.broke(w, r, err)
		return
	}
	s.restarted(ctx, w, r, in.Key, restart)
}

// removeOverride removes a secret of one workspace, named by the query's key,
// and restarts it: the global value is in force again.
func (s *Server) removeOverride(w http.ResponseWriter, r *http.Request, ws *workspace) {
	key := r.URL.Query().Get("key")
	if key == "" {
		fail(w, http.StatusBadRequest, "the query must name a key")
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), requestLimit)
	defer cancel()
	if err := s.store.RemoveSecret(ctx, ws.id, key); err != nil {
		s.broke(w, r, err)
		return
	}
	s.restarted(ctx, w, r, key, []*workspace{ws})
}

// restarted restarts workspaces because of a secret, and answers.
func (s *Server) restarted(ctx context.Context, w http.ResponseWriter, r *http.Request, key string, list []*workspace) {
	n, err := s.restartAll(ctx, list)
	if err != nil {
		s.broke(w, r, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"key": key, "restarted": n})
}

// write stores a secret. Each write has a later time than the one before, so
// that whoever watches the time sees every write.
func (s *Server) write(ctx context.Context, workspace, key, value string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	sealed, err := s.vault.sealSecret(ctx, workspace, key, value)
	if err != nil {
		return err
	}
	all, err := s.store.Secrets(ctx)
	if err != nil {
		return err
	}
	at := s.now().UTC()
	if have, ok := find(all, workspace, key); ok && !at.After(have.UpdatedAt) {
		at = have.UpdatedAt.Add(1)
	}
	return s.store.PutSecret(ctx, Secret{Workspace: workspace, Key: key, Value: sealed, UpdatedAt: at})
}

func find(all []Secret, workspace, key string) (Secret, bool) {
	for _, v := range all {
		if v.Workspace == workspace && v.Key == key {
			return v, true
		}
	}
	return Secret{}, false
}

// inForce gives the value of a key that a workspace is to work with: its own,
// or the global one. "" is none.
func (s *Server) inForce(ctx context.Context, workspace, key string) (string, error) {
	all, err := s.store.Secrets(ctx)
	if err != nil {
		return "", err
	}
	v, ok := find(all, workspace, key)
	if !ok {
		v, ok = find(all, "", key)
	}
	if !ok {
		return "", nil
	}
	return s.vault.openSecret(ctx, v)
}
