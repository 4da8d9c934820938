// Package saas is a whole system that lives on the vendors: examples/saas, its
// control plane and the platforms of its tenants, in the machines of Fly's
// stand-in. It is what a runbook of eleven secrets is written for.
//
// The programs do everything with the environment that their machines booted
// with, as on Fly: a secret that is stored and not loaded changes nothing, and a
// dead one shows where it is used and nowhere else.
//
// Vendors are the stand-ins with what they alone can tell, also where the
// programs run elsewhere. SaaS has the programs in this process.
package saas

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/molecule"
	"github.com/pawlhq/pawl/vendorsim/neon"
)

// The names of the system.
const (
	App             = molecule.App
	Host            = molecule.AppHost
	TenantPrefix    = "molecule-tenant-"     // of a tenant's app at Fly
	DatabaseProject = "molecule-cp-12345678" // the control plane's database
	DatabaseRole    = "molecule_cp"
	Database        = "molecule"
	MailDomain      = "moleculesai.app"
	OtherDomain     = "mail.moleculesai.app"        // added at Resend and not verified yet
	Endpoint        = "we_1TmoleculeCpProduction01" // at Stripe, which sends to webhookURL

	neonOrg        = "org-quiet-field-40871234"
	databaseBranch = "br-main-12345678"
	tenantProject  = "molecule-tenants-87654321" // a branch for each tenant
	webhookURL     = "https://" + Host + "/webhooks/stripe"
)

// The secrets, by the names of their environment variables.
const (
	FlyToken      = molecule.Secret
	NeonKey       = "NEON_API_KEY"
	DatabaseURL   = "DATABASE_URL"
	RedisURL      = "TENANT_REDIS_URL"
	EncryptionKey = "SECRETS_ENCRYPTION_KEY"
	DecryptKeys   = "SECRETS_DECRYPTION_KEYS" // the keys that are tried beside it, joined by commas
	ResendKey     = "RESEND_API_KEY"
	ResendFrom    = "RESEND_FROM_EMAIL"
	StripeKey     = "STRIPE_API_KEY"
	WebhookSecret = "STRIPE_WEBHOOK_SECRET"
	ActionsToken  = "GITHUB_TOKEN" // GitHub makes it for each run; nobody can rotate it
	AnthropicKey  = "ANTHROPIC_API_KEY"

	TenantRedis = "REDIS_URL" // what a tenant's machine calls RedisURL
)

// Names lists the runbook's secrets in its order.
func Names() []string {
	return []string{FlyToken, NeonKey, DatabaseURL, RedisURL, EncryptionKey, ResendKey, ResendFrom, StripeKey, WebhookSecret, ActionsToken, AnthropicKey}
}

// Config says how fast the system is, and what stands behind its addresses.
// The zero Config does everything at once and takes every Redis URL.
type Config struct {
	Now  pawl.Clock
	Rand io.Reader

	Boot      time.Duration // of a machine
	Run       time.Duration // of a workflow run
	Operation time.Duration // of one operation at Neon; a tenant's branch needs some

	// Server gives the PostgreSQL server of a branch at Neon; nil is one in
	// memory.
	Server func(project, branch string) neon.Database

	// Launcher runs the machines of the control plane and of tenants, and Hold is
	// how long a request waits for one. They are for NewVendors alone, which
	// then makes no machine.
	Launcher fly.Launcher
	Hold     time.Duration

	// Database is what DATABASE_URL logs in to; nil is Neon's server in memory.
	Database Logins

	// Redis is what TENANT_REDIS_URL logs in to; nil takes every one.
	Redis Logins

	// Sleep lets a program wait; nil has what it waits for done at once. It is
	// for Start alone.
	Sleep func(ctx context.Context, d time.Duration) error

	// Table has org_instances in a real database; nil keeps it in memory. It is
	// for Start alone.
	Table *Table

	// First has values that are made outside, by secret: those of the
	// database and of Redis, where real servers are behind them.
	First map[string]string
}

// Table is where org_instances is, when it is not in memory.
type Table struct {
	// Dial reaches the server of a DATABASE_URL: each machine of the control
	// plane opens its own.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Open opens the rows beside all machines, with a login that never changes.
	// It is called once, when the first machines have made the table.
	Open func() (controlplane.Store, error)
}

// SaaS is the system with its programs as they are, in the machines of Fly's
// stand-in and in this process. What platforms keep is in memory and outlives
// them, and so are the rows unless Config says otherwise. It is safe for
// concurrent use.
type SaaS struct {
	*Vendors

	cfg    Config
	hosts  http.RoundTripper
	client *http.Client // that of the programs
	faults vendorsim.Faults
	rows   controlplane.Store

	mu      sync.Mutex
	volumes map[string]*volume // by the app of a tenant
	tried   map[trial]bool
}

// Start starts the system, with three tenants of three workspaces each. One
// workspace is paused. The rows are as an older release wrote them.
func Start(c Config) (*SaaS, error) {
	c = c.withDefaults()
	c.Rand = &shared{r: c.Rand}
	s := &SaaS{volumes: map[string]*volume{}, tried: map[trial]bool{}, rows: &controlplane.Memory{}}
	c.Launcher = fly.InProcess(s.boot)
	s.cfg = c
	s.client = &http.Client{Transport: roundTrip(s.roundTrip)}
	s.Vendors = NewVendors(c, s.client.Transport)
	s.hosts = vendorsim.Transport(s.Hosts())
	s.Fly.AddMachines(App, molecule.Machines)
	if c.Table != nil {
		var err error
		if s.rows, err = c.Table.Open(); err != nil {
			return nil, fmt.Errorf("saas: open the rows: %w", err)
		}
	}
	for i, slug := range []string{"acme", "bolt", "cove"} {
		if err := s.seed(slug, i == 1); err != nil {
			return nil, fmt.Errorf("saas: make the tenant %s: %w", slug, err)
		}
	}
	if err := s.age(); err != nil {
		return nil, fmt.Errorf("saas: write the first rows: %w", err)
	}
	return s, nil
}

// Hosts gives the handlers by host, for vendorsim.Transport.
func (s *SaaS) Hosts() map[string]http.Handler {
	hosts := s.Vendors.Hosts()
	hosts[Host] = s.Fly.AppHandler(App)
	return hosts
}

// Faults gives the lies of tenants' platforms about writes.
func (s *SaaS) Faults() *vendorsim.Faults { return &s.faults }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// roundTrip takes a request of a program's to a vendor, or to an app.
func (s *SaaS) roundTrip(r *http.Request) (*http.Response, error) {
	if host := r.URL.Hostname(); strings.HasSuffix(host, ".fly.dev") {
		return vendorsim.Transport(map[string]http.Handler{host: s.Fly.AppsHandler()}).RoundTrip(r)
	}
	return s.hosts.RoundTrip(r)
}

// shared is a source of randomness that programs side by side read.
type shared struct {
	mu sync.Mutex
	r  io.Reader
}

func (s *shared) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Read(b)
}
