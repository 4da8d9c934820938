// Package servertest gives tests the real servers that stand behind some
// stand-ins: one of each kind for a whole test binary, started when the first
// test asks. A package whose tests ask for one has a TestMain that calls Main.
package servertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/redis"
)

// Without is the environment variable that, set to 1, leaves out the tests
// that need servers. Without it a missing server is a failure.
const Without = "PAWL_WITHOUT_SERVERS"

// closer is a server.
type closer interface{ Close() error }

// shared holds the servers of this test binary. It is state of the package
// because it is state of the process: no test knows of the others.
var shared struct {
	mu    sync.Mutex
	begun map[string]closer
}

// Main runs the tests and then stops what they started. It does not return.
func Main(m *testing.M) {
	code := m.Run()
	shared.mu.Lock()
	for name, s := range shared.begun {
		if err := s.Close(); err != nil {
			fmt.Fprintf(os.Stderr, "stop %s: %v\n", name, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Postgres gives the test binary's PostgreSQL. It logs every statement.
func Postgres(t testing.TB) *postgres.Server {
	t.Helper()
	return server(t, "postgres", func(ctx context.Context) (*postgres.Server, error) {
		return postgres.Start(ctx, postgres.Options{Settings: []string{"log_statement=all", "log_min_duration_statement=0"}})
	})
}

// PostgresOf gives a PostgreSQL of the test binary that is one owner's alone,
// for tests that write much: it logs no statements.
func PostgresOf(t testing.TB, owner string) *postgres.Server {
	t.Helper()
	return server(t, "postgres of "+owner, func(ctx context.Context) (*postgres.Server, error) { return postgres.Start(ctx, postgres.Options{}) })
}

// branchScene has the database of a branch and no roles but the superuser.
const branchScene = `
DO $$ DECLARE r name; BEGIN
	FOR r IN SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND NOT rolsuper LOOP
		EXECUTE format('REASSIGN OWNED BY %I TO ` + postgres.Superuser + `', r);
		EXECUTE format('DROP OWNED BY %I', r);
		EXECUTE format('DROP ROLE %I', r);
	END LOOP;
END $$`

// NeonBranch gives a branch of Neon's whose roles are those of a PostgreSQL
// that is one owner's alone. Its database is neondb. What an earlier branch of
// the owner's has left is gone, so only one can be in use.
func NeonBranch(t testing.TB, owner string) neon.Database {
	t.Helper()
	b := server(t, "branch of "+owner, startBranch)
	if err := b.console.Exec(context.Background(), branchScene); err != nil {
		t.Fatal(err)
	}
	return neon.SQL(b.console)
}

// branch is a server with one database and a connection to it.
type branch struct {
	*postgres.Server
	console *postgres.Console
}

func startBranch(ctx context.Context) (branch, error) {
	s, err := postgres.Start(ctx, postgres.Options{})
	if err != nil {
		return branch{}, err
	}
	first, err := s.Open(ctx, "postgres")
	if err == nil {
		err = errors.Join(first.Exec(ctx, "CREATE DATABASE neondb"), first.Close())
	}
	b := branch{Server: s}
	if err == nil {
		b.console, err = s.Open(ctx, "neondb")
	}
	if err != nil {
		return branch{}, errors.Join(err, s.Close())
	}
	return b, nil
}

// Redis gives the test binary's Redis. It keeps its users in redis.conf.
func Redis(t testing.TB) *redis.Server {
	t.Helper()
	return server(t, "redis", func(ctx context.Context) (*redis.Server, error) { return redis.Start(ctx, redis.Options{}) })
}

// RedisOf gives a Redis of the test binary that is one owner's alone, for tests
// that change what all others of Redis rely on.
func RedisOf(t testing.TB, owner string) *redis.Server {
	t.Helper()
	return server(t, "redis of "+owner, func(ctx context.Context) (*redis.Server, error) { return redis.Start(ctx, redis.Options{}) })
}

// Needed leaves the test out where servers are declared to be missing.
func Needed(t testing.TB) {
	t.Helper()
	if os.Getenv(Without) == "1" {
		t.Skipf("%s=1: tests that need a real server are left out", Without)
	}
}

func server[S closer](t testing.TB, name string, start func(context.Context) (S, error)) S {
	t.Helper()
	Needed(t)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if s, ok := shared.begun[name].(S); ok {
		return s
	}
	s, err := start(context.Background())
	if err != nil {
		t.Fatalf("%v (or set %s=1)", err, Without)
	}
	if shared.begun == nil {
		shared.begun = map[string]closer{}
	}
	shared.begun[name] = s
	return s
}
