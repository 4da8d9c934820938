package platform

import (
	"context"
	"errors"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

// errOff means that the tenant has no such server.
var errOff = errors.New("it is off")

// health opens the row as it is now, and logs in to Redis and to the database
// anew: connections that are open say nothing of a password that has changed.
// A control plane that does not answer is no fault of this platform, as long as
// it has read its row before.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	row, err := s.row.fetch(ctx)
	if err != nil && (!row.ok || errors.Is(err, errSealed)) {
		s.unwell(ctx, w, err)
		return
	}
	if err != nil {
		s.log.WarnContext(ctx, err.Error())
	}
	out := map[string]string{"status": "ok", "database": "off"}
	if row.DatabaseURL != "" {
		if err := s.database.login(ctx, row.DatabaseURL); err != nil {
			s.unwell(ctx, w, err)
			return
		}
		out["database"] = "ok"
	}
	if out["redis"], err = s.redisHealth(ctx, row); err != nil {
		s.unwell(ctx, w, err)
		return
	}
	reply(w, http.StatusOK, out)
}

// redisHealth logs in to Redis with the first URL that opens. That the first
// of two does not is worth a line: the next change may take the other too.
func (s *Server) redisHealth(ctx context.Context, row reading) (string, error) {
	urls := s.cache.urls(row)
	if len(urls) == 0 {
		return "off", nil
	}
	err := s.cache.login(ctx, urls[0])
	if err != nil && len(urls) > 1 {
		s.log.WarnContext(ctx, EnvRedis+": "+err.Error()+"; the row's is tried")
		err = s.cache.login(ctx, urls[1])
	}
	return "ok", err
}

func (s *Server) unwell(ctx context.Context, w http.ResponseWriter, err error) {
	s.log.ErrorContext(ctx, "health: "+err.Error())
	fail(w, http.StatusServiceUnavailable, err.Error())
}

// visit counts a visit in Redis and in the tenant's own database, and answers
// both counts; that of one which is off is null. A visit counts at least once:
// twice where a connection broke between the count and its answer.
func (s *Server) visit(w http.ResponseWriter, r *http.Request) {
	row, err := s.row.get(r.Context())
	if err != nil {
		s.unwell(r.Context(), w, err)
		return
	}
	out := map[string]*int64{"redis": nil, "database": nil}
	if len(s.cache.urls(row)) > 0 && s.cache.instead == nil {
		var n int64
		err = s.withRedis(r.Context(), func(ctx context.Context, c *redis.Client) (err error) {
			n, err = c.Incr(ctx, s.cache.key).Result()
			return err
		})
		out["redis"] = &n
	}
	if row.DatabaseURL != "" && s.database.instead == nil && err == nil {
		var n int64
		err = s.withDatabase(r.Context(), func(ctx context.Context, p *pgxpool.Pool) (err error) {
			n, err = countVisit(ctx, p)
			return err
		})
		out["database"] = &n
	}
	if err != nil {
		s.log.ErrorContext(r.Context(), "count a visit: "+err.Error())
		fail(w, http.StatusBadGateway, err.Error())
		return
	}
	reply(w, http.StatusOK, out)
}
