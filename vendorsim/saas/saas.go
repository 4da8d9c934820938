// Package saas is a whole system that lives on the vendors: a control plane
// that runs at Fly and provisions tenants, bills, mails and erases, and the
// platforms of its tenants, on which workspaces call a language model. It is
// what a runbook of eleven secrets is written for.
//
// The control plane does everything with the environment that its machines
// booted with, as on Fly: a secret that is stored and not loaded changes
// nothing, and a dead one shows where it is used and nowhere else.
package saas

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/molecule"
	"github.com/pawlhq/pawl/vendorsim/neon"
)

// The names of the system.
const (
	App             = molecule.App
	Host            = molecule.AppHost
	TenantPrefix    = "molecule-tenant-" // of a tenant's app at Fly
	NeonOrg         = "org-quiet-field-40871234"
	DatabaseProject = "molecule-cp-12345678" // the control plane's database
	DatabaseRole    = "molecule_cp"
	Database        = "molecule"
	DatabaseBranch  = "br-main-12345678"
	TenantProject   = "molecule-tenants-87654321" // a branch for each tenant
	MailDomain      = "moleculesai.app"
	OtherDomain     = "mail.moleculesai.app" // added at Resend and not verified yet
	WebhookURL      = "https://" + Host + "/webhooks/stripe"
	Endpoint        = "we_1TmoleculeCpProduction01" // where Stripe sends to WebhookURL
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

	TenantRedis = "REDIS_URL" // what a tenant's container calls RedisURL
)

// Config says how fast the system is, and what stands behind its addresses.
// The zero Config does everything at once and takes every Redis URL.
type Config struct {
	Now  pawl.Clock
	Rand io.Reader

	RevocationLag time.Duration // at Fly
	Boot          time.Duration // of a machine
	Run           time.Duration // of a workflow run
	Operation     time.Duration // of one operation at Neon; a tenant's branch needs some

	// Server gives the PostgreSQL server of a branch at Neon; nil is one in
	// memory.
	Server func(project, branch string) neon.Database

	// Launcher runs the machines of the control plane and of tenants, and Hold is
	// how long a request waits for one. They are for NewVendors alone, which
	// then makes no machine.
	Launcher fly.Launcher
	Hold     time.Duration

	// Database logs in with a DATABASE_URL. Nil asks the database's server in
	// memory.
	Database func(url string) error

	// Redis logs in with a TENANT_REDIS_URL. Nil takes every one.
	Redis func(url string) error

	// Sleep lets a program wait; nil has what it waits for done at once. It is
	// for Start alone, as Rows is for New.
	Sleep func(ctx context.Context, d time.Duration) error

	// Rows keeps the table org_instances; nil is one in memory.
	Rows Rows

	// First has values that are made outside, by secret: those of the
	// database and of Redis, where real servers are behind them.
	First map[string]string
}

// SaaS is the system with its vendors. It is safe for concurrent use.
type SaaS struct {
	*Vendors

	cfg     Config
	vendors http.RoundTripper

	mu     sync.Mutex
	orgs   []*org
	turn   int
	events map[string]bool // ids of Stripe events that were taken
	front  vendorsim.Front
}

// New makes the system, with three tenants of three workspaces each. One
// workspace is paused; one has a key of its own at the language model.
func New(c Config) (*SaaS, error) {
	c = c.withDefaults()
	if c.Rows == nil {
		c.Rows = &memory{rows: map[string]Row{}}
	}
	s := &SaaS{cfg: c, events: map[string]bool{}}
	s.Vendors = NewVendors(c, vendorsim.Transport(map[string]http.Handler{Host: s}))
	s.vendors = vendorsim.Transport(s.Hosts())
	for i, slug := range []string{"acme", "bolt", "cove"} {
		if err := s.seedTenant(slug, i); err != nil {
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
	hosts[Host] = s
	return hosts
}

// Faults gives the faults between callers and the control plane. The lies of
// tenants' platforms about writes are in it too.
func (s *SaaS) Faults() *vendorsim.Faults { return &s.front.Faults }
