package controlplane

import (
	"context"
	"net/http"
)

// health tells of this machine's database and Fly token. Of mail it knows what
// is configured and not whether it works, and of billing and tenants nothing:
// each of those can be dead while this is green.
func (s *Server) health(r *http.Request) (int, any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), healthWithin)
	defer cancel()
	code, said := http.StatusOK, map[string]string{"status": "ok", "database": "ok", "fly": "ok", "mail": s.mail.name()}
	fails := func(part, why string, err error) {
		code, said["status"], said[part], said["error"] = http.StatusServiceUnavailable, "failing", "failing", why
		s.log.Error(part+": "+err.Error(), "call", "GET /health")
	}
	if err := s.store.Ping(ctx); err != nil {
		fails("database", "the database does not answer", err)
	}
	if err := s.fly.alive(ctx, s.cfg.FlyApp); err != nil {
		fails("fly", err.Error(), err)
	}
	return code, said, nil
}
