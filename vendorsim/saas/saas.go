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
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/github"
	"github.com/pawlhq/pawl/vendorsim/molecule"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/stripe"
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

	// Database logs in with a DATABASE_URL. Nil asks the database's server in
	// memory.
	Database func(url string) error

	// Redis logs in with a TENANT_REDIS_URL. Nil takes every one.
	Redis func(url string) error

	// Rows keeps the table org_instances; nil is one in memory.
	Rows Rows

	// First has values that are made outside, by secret: those of the
	// database and of Redis, where real servers are behind them.
	First map[string]string
}

// SaaS is the system with its vendors. It is safe for concurrent use.
type SaaS struct {
	*molecule.World
	Neon      *neon.Neon
	Resend    *resend.Resend
	Stripe    *stripe.Stripe
	Anthropic *anthropic.Anthropic

	Admin map[string]string // pawl's own credentials, by driver; "cp" is the control plane's
	First map[string]string // what every secret held at first
	IDs   map[string]string // the ids of those at their issuers, where they have one

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
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Rows == nil {
		c.Rows = &memory{rows: map[string]Row{}}
	}
	s := &SaaS{cfg: c, Admin: map[string]string{}, First: map[string]string{}, IDs: map[string]string{}, events: map[string]bool{}}
	s.seedVendors()
	s.World = molecule.New(molecule.Config{Now: c.Now, Rand: c.Rand, RevocationLag: c.RevocationLag, Boot: c.Boot, Run: c.Run, Env: s.environment()})
	s.First[FlyToken], s.IDs[FlyToken] = s.Token, s.TokenID
	s.Admin["fly"], s.Admin["github"] = s.FlyAdmin, s.GitHubAdmin
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

// seedVendors opens the accounts and makes the first versions.
func (s *SaaS) seedVendors() {
	c := s.cfg
	s.Neon = neon.New(neon.Config{Now: c.Now, Rand: c.Rand, Operation: c.Operation, Database: c.Server})
	owner := s.Neon.AddUser("Owner")
	s.Neon.AddOrg(NeonOrg, owner)
	s.IDs[NeonKey], s.First[NeonKey] = s.Neon.AddKey(owner, "molecule-cp")
	s.Admin["neon"] = s.First[NeonKey] // the connection works with the secret itself
	s.Neon.AddProject(neon.Project{ID: DatabaseProject, Org: NeonOrg, Branch: DatabaseBranch, Role: DatabaseRole, Database: Database})
	s.Neon.AddProject(neon.Project{ID: TenantProject, Org: NeonOrg})
	password, _ := s.Neon.RolePassword(DatabaseProject, DatabaseBranch, DatabaseRole)
	s.First[DatabaseURL] = (&url.URL{Scheme: "postgresql", User: url.UserPassword(DatabaseRole, password), Host: DatabaseHost, Path: Database, RawQuery: "sslmode=require"}).String()

	s.Resend = resend.New(resend.Config{Now: c.Now, Rand: c.Rand})
	s.Resend.AddDomain(MailDomain, "verified")
	s.Resend.AddDomain(OtherDomain, "pending")
	s.IDs[ResendKey], s.First[ResendKey] = s.Resend.AddKey("molecule-cp production", "sending_access", "")
	_, s.Admin["resend"] = s.Resend.AddKey("operations", "full_access", "")
	s.First[ResendFrom] = "Molecule AI <noreply@" + MailDomain + ">"

	s.Stripe = stripe.New(stripe.Config{Now: c.Now, Rand: c.Rand, Live: true, Transport: vendorsim.Transport(map[string]http.Handler{Host: s})})
	s.First[StripeKey] = s.Stripe.AddKey(stripe.Key{})
	s.IDs[WebhookSecret], s.First[WebhookSecret] = s.Stripe.AddEndpoint(stripe.Endpoint{ID: Endpoint, URL: WebhookURL, Events: []string{"customer.subscription.updated", "customer.created", "customer.deleted"}})

	s.Admin["stripe"] = s.Stripe.AddKey(stripe.Key{Restricted: true, Permissions: []string{"rak_webhook_read", "rak_webhook_write"}})

	s.Anthropic = anthropic.New(anthropic.Config{Now: c.Now, Rand: c.Rand})
	s.Admin["anthropic"] = s.Anthropic.AddAdminKey()
	s.IDs[AnthropicKey], s.First[AnthropicKey] = s.Anthropic.CreateKey(anthropic.Key{Name: "molecule-prod-first"})

	s.First[EncryptionKey] = hexKey(c.Rand)
	s.First[RedisURL] = "rediss://default:" + vendorsim.Credential(c.Rand, "AX", 40) + "@" + RedisHost + ":6379"
	s.Admin["cp"] = vendorsim.Credential(c.Rand, "cpadm_", 32)
	for name, value := range c.First {
		s.First[name] = value
	}
}

// The addresses that the first URLs name.
const (
	DatabaseHost = "ep-quiet-mountain-a1b2c3d4.eu-central-1.aws.neon.tech"
	RedisHost    = "eu1-quiet-crane-40871.upstash.io"
)

// environment is what the control plane's machines boot with beside the Fly
// token.
func (s *SaaS) environment() map[string]string {
	env := map[string]string{}
	for _, name := range []string{NeonKey, DatabaseURL, RedisURL, EncryptionKey, ResendKey, ResendFrom, StripeKey, WebhookSecret} {
		env[name] = s.First[name]
	}
	env[DecryptKeys] = s.First[EncryptionKey]
	return env
}

// Hosts gives the handlers by host, for vendorsim.Transport.
func (s *SaaS) Hosts() map[string]http.Handler {
	hosts := s.World.Hosts()
	hosts[Host], hosts[neon.Host], hosts[resend.Host] = s, s.Neon, s.Resend
	hosts[stripe.Host], hosts[stripe.CheckoutHost], hosts[anthropic.Host] = s.Stripe, s.Stripe, s.Anthropic
	hosts[github.Host] = s.GitHub
	return hosts
}

// Faults gives the faults between callers and the control plane. The lies of
// tenants' platforms about writes are in it too.
func (s *SaaS) Faults() *vendorsim.Faults { return &s.front.Faults }

// Values gives every credential that exists here, for a leak search.
func (s *SaaS) Values() []string {
	list := s.World.Values()
	for _, more := range [][]string{s.Neon.Issued(), s.Resend.Issued(), s.Stripe.Issued(), s.Anthropic.Issued(),
		{s.First[EncryptionKey], s.First[RedisURL], s.First[DatabaseURL], s.Admin["cp"]}} {
		list = append(list, more...)
	}
	return list
}
