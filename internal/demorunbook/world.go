package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pawlhq/pawl/examples"
	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/internal/system/servers"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// world is the runbook's whole system in one process, and the clock of it.
type world struct {
	*saas.SaaS
	servers *servers.Servers
	dir     string
	file    string
	vendors http.RoundTripper
	watch   *watch

	// traffic is held for reading by each request of the load's: time stands
	// still under it.
	traffic sync.RWMutex

	mu      sync.Mutex
	clock   time.Time
	deploy  time.Time // the next deployment of the control plane
	watched time.Time // when it was last looked at during a wait
	made    int       // requests of pawl's
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
	if w.servers, err = servers.Start(ctx, servers.Config{Now: w.now, NoLists: o.noACL}); err != nil {
		return nil, err
	}
	if err = w.system(ctx); err != nil {
		return nil, err
	}
	w.watch = &watch{w: w}
	w.file = filepath.Join(w.dir, "pawl.yaml")
	return w, errors.Join(os.WriteFile(w.file, examples.Runbook, 0o600), w.trust())
}

// system makes the vendors, the control plane and its tenants. Tenants' own
// databases are in memory.
func (w *world) system(ctx context.Context) (err error) {
	w.SaaS, err = saas.Start(saas.Config{Now: w.now, Boot: 5 * time.Second, Run: 3 * time.Minute, Operation: 2 * time.Second, Server: w.branch, First: w.servers.First(),
		Database: &logins{Logins: w.servers.Database(), known: known[error]{state: w.servers.DatabaseState}},
		Redis:    &logins{Logins: w.servers.Redis(), known: known[error]{state: w.servers.RedisState}},
		Table: &saas.Table{Dial: w.dial(), Open: func() (controlplane.Store, error) {
			store, err := w.servers.Rows(ctx)
			return &rows{Store: store, known: known[table]{state: w.servers.DatabaseState}}, err
		}}})
	if err != nil {
		return err
	}
	_, own := w.Anthropic.CreateKey(anthropic.Key{Name: "bolt's own"})
	if err := w.Override("bolt", "ws-bolt-1", own); err != nil { // a workspace with a key of its own, which pawl must ask about
		return err
	}
	hosts := w.Hosts()
	maps.Copy(hosts, w.servers.Hosts())
	w.vendors = vendorsim.Transport(hosts)
	return nil
}

// branch gives the real server for the control plane's database.
func (w *world) branch(project, branch string) neon.Database {
	if project == saas.DatabaseProject {
		return w.servers.Branch(project, branch)
	}
	return neon.NewMemory()
}

// dial reaches the databases by the names that they have in the estate.
func (w *world) dial() func(ctx context.Context, network, address string) (net.Conn, error) {
	return w.servers.Network().Dial
}

// trust puts pawl's own credentials into its environment, where the estate says
// that they are, and has it trust the certificates of the databases.
func (w *world) trust() error {
	bundle := filepath.Join(w.dir, "authorities.pem")
	env := w.Environment()
	env["PAWL_ACTOR"], env["SSL_CERT_FILE"] = "runbook", bundle
	maps.Copy(env, w.servers.Environment())
	var err error
	for name, value := range env {
		err = errors.Join(err, os.Setenv(name, value))
	}
	return errors.Join(err, os.WriteFile(bundle, []byte(w.servers.Authority()), 0o600))
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
		now, deploys := w.pass(until)
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

// pass moves the clock to an instant, or to the next deployment where that is
// due before.
func (w *world) pass(until time.Time) (now time.Time, deploys bool) {
	w.traffic.Lock()
	defer w.traffic.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	deploys = !w.deploy.After(until)
	if deploys {
		w.clock, w.deploy = w.deploy, w.deploy.Add(daily)
	} else if until.After(w.clock) {
		w.clock = until
	}
	return w.clock, deploys
}

func (w *world) close() {
	var err error
	if w.SaaS != nil {
		err = w.Fly.Close()
	}
	if w.servers != nil {
		err = errors.Join(err, w.servers.Close())
	}
	if err = errors.Join(err, os.RemoveAll(w.dir)); err != nil {
		fmt.Fprintln(os.Stderr, "demo-runbook: clean up:", err)
	}
}
