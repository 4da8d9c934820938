package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/pawlhq/pawl/examples"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/saas"
	"github.com/pawlhq/pawl/vendorsim/upstash"
)

// What examples/runbook/pawl.yaml names and saas does not have.
const (
	account  = "ops@example.com" // at Upstash
	redisID  = "96ad0856-03b1-4ee7-9666-e81abd0349e1"
	redisACL = "tenants"
	dbAdmin  = "pawl" // pawl's own role at the database
	dbOwner  = "molecule_owner"
)

// world is the runbook's whole system in one process, and the clock of it.
type world struct {
	*saas.SaaS
	upstash *upstash.Upstash
	sql     *postgres.Server
	redis   *redis.Server
	db      *database
	dir     string
	file    string
	vendors http.RoundTripper
	watch   *watch

	mu      sync.Mutex
	clock   time.Time
	deploy  time.Time // the next deployment of the control plane
	watched time.Time // when it was last looked at during a wait
	made    int       // requests of pawl's

	programs *programs // that run beside it now; nil is none
}

// hourly is how often consumers are looked at while nothing else happens.
const hourly = time.Hour

// daily is how often somebody deploys the control plane.
const daily = 24 * time.Hour

// options say how a system begins.
type options struct {
	noACL bool // tenants log in to Redis as its user default
}

// start starts the system and lays the estate out in a folder of its own.
func start(ctx context.Context, o options) (w *world, err error) {
	now := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	w = &world{clock: now, deploy: now.Add(daily)}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.dir, err = os.MkdirTemp("", "pawl-runbook-"); err != nil {
		return nil, err
	}
	if err = w.servers(ctx); err != nil {
		return nil, err
	}
	if err = w.system(ctx, o); err != nil {
		return nil, err
	}
	w.watch = &watch{w: w}
	w.file = filepath.Join(w.dir, "pawl.yaml")
	return w, errors.Join(os.WriteFile(w.file, examples.Runbook, 0o600), w.trust())
}

// servers starts the real databases.
func (w *world) servers(ctx context.Context) (err error) {
	if w.sql, err = postgres.Start(ctx, postgres.Options{}); err != nil {
		return err
	}
	if w.redis, err = redis.Start(ctx, redis.Options{}); err != nil {
		return err
	}
	w.db, err = newDatabase(ctx, w.sql)
	return err
}

// system makes the vendors, the control plane and its tenants.
func (w *world) system(ctx context.Context, o options) (err error) {
	w.upstash = upstash.New(upstash.Config{Now: w.now})
	w.upstash.AddAccount(account)
	slug, _, _ := strings.Cut(saas.RedisHost, ".")
	if _, err = w.upstash.AddDatabase(ctx, upstash.Database{ID: redisID, Owner: account, Name: "tenants", Slug: slug, Server: w.redis}); err != nil {
		return err
	}
	token, err := w.upstash.AddUser(ctx, redisID, redisACL)
	if err != nil {
		return err
	}
	first := url.URL{Scheme: "rediss", User: url.UserPassword(redisACL, token), Host: saas.RedisHost + ":6379"}
	if o.noACL {
		first.User = url.UserPassword("default", w.upstash.Credentials(redisID).Password)
	}
	w.SaaS, err = saas.New(saas.Config{Now: w.now, Boot: 5 * time.Second, Run: 3 * time.Minute, Operation: 2 * time.Second,
		Server: w.branch, Database: w.db.login, Redis: w.redisLogin, Rows: w.db.rows, First: map[string]string{saas.RedisURL: first.String()}})
	if err != nil {
		return err
	}
	_, own := w.Anthropic.CreateKey(anthropic.Key{Name: "bolt's own"})
	w.Override("bolt", "ws-bolt-1", own) // a workspace with a key of its own, which pawl must ask about
	if err = w.db.share(ctx, saas.DatabaseRole); err != nil {
		return err
	}
	hosts := w.Hosts()
	for host, h := range w.upstash.Hosts() {
		hosts[host] = h
	}
	w.vendors = vendorsim.Transport(hosts)
	return nil
}

// branch gives the real server for the control plane's database. Tenants have
// theirs in memory.
func (w *world) branch(project, _ string) neon.Database {
	if project == saas.DatabaseProject {
		return neon.SQL(w.db)
	}
	return neon.NewMemory()
}

// redisLogin logs in as a tenant's container does.
func (w *world) redisLogin(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return errors.New("it is no URL of a Redis")
	}
	password, _ := u.User.Password()
	c := goredis.NewClient(&goredis.Options{Addr: u.Host, Username: u.User.Username(), Password: password, Dialer: w.upstash.Dial,
		Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}}) // which looks names up at the network
	return errors.Join(c.Ping(context.Background()).Err(), c.Close())
}

// trust puts pawl's own credentials into its environment, where the estate says
// that they are, and has it trust the certificates of the databases.
func (w *world) trust() error {
	_, upstashKey := w.upstash.AddKey(account, "pawl")
	authority, err := w.upstash.Authority()
	if err != nil {
		return err
	}
	bundle := filepath.Join(w.dir, "authorities.pem")
	env := map[string]string{
		"FLY_ADMIN_TOKEN": w.Admin["fly"], "GITHUB_ADMIN_TOKEN": w.Admin["github"], "DATABASE_ADMIN_PASSWORD": w.db.admin,
		"UPSTASH_LOGIN": account + ":" + upstashKey, "RESEND_ADMIN_KEY": w.Admin["resend"], "ANTHROPIC_ADMIN_KEY": w.Admin["anthropic"],
		"CP_ADMIN_TOKEN": w.Admin["cp"], "STRIPE_RESTRICTED_KEY": w.Admin["stripe"], "PAWL_ACTOR": "runbook", "SSL_CERT_FILE": bundle,
	}
	for name, value := range env {
		err = errors.Join(err, os.Setenv(name, value))
	}
	return errors.Join(err, os.WriteFile(bundle, []byte(authority+w.db.authority), 0o600))
}

// Dial reaches the two databases by the names that they have in the estate.
func (w *world) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	switch host, _, _ := net.SplitHostPort(address); host {
	case saas.RedisHost:
		return w.upstash.DialTLS(ctx, network, address)
	case saas.DatabaseHost:
		return w.db.dial(ctx)
	default:
		return nil, fmt.Errorf("dial %s: no such host", address)
	}
}

// RoundTrip takes a request of pawl's to its vendor, and looks at every
// consumer after it.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.made++
	w.mu.Unlock()
	resp, err := w.vendors.RoundTrip(r)
	w.watch.look(r.Method + " " + r.URL.Host + r.URL.Path)
	return resp, err
}

func (w *world) calls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.made
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// sleep lets time pass until an instant. Once a day the control plane is
// deployed, and its machines read what is staged.
func (w *world) sleep(ctx context.Context, until time.Time) error {
	for ctx.Err() == nil {
		w.mu.Lock()
		deploys := !w.deploy.After(until)
		if deploys {
			w.clock, w.deploy = w.deploy, w.deploy.Add(daily)
		} else if until.After(w.clock) {
			w.clock = until
		}
		now := w.clock
		w.mu.Unlock()
		if deploys {
			w.Fly.Reboot(saas.App)
		}
		if deploys || now.Sub(w.watched) >= hourly {
			w.watched = now
			w.watch.look("a wait until " + now.Format(time.DateTime))
		}
		if !deploys {
			return ctx.Err()
		}
	}
	return ctx.Err()
}

func (w *world) close() {
	var err error
	if w.programs != nil {
		w.programs.end()
	}
	if w.sql != nil {
		err = errors.Join(err, w.sql.Close())
	}
	if w.redis != nil {
		err = errors.Join(err, w.redis.Close())
	}
	if err = errors.Join(err, os.RemoveAll(w.dir)); err != nil {
		fmt.Fprintln(os.Stderr, "demo-runbook: clean up:", err)
	}
}
