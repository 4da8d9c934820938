package saas

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/github"
	"github.com/pawlhq/pawl/vendorsim/molecule"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

// Vendors are those that the system lives on, with its accounts and the first
// version of each secret. They are safe for concurrent use.
type Vendors struct {
	*molecule.World
	Neon      *neon.Neon
	Resend    *resend.Resend
	Stripe    *stripe.Stripe
	Anthropic *anthropic.Anthropic

	Admin map[string]string // pawl's own credentials, by driver; "cp" is the control plane's
	First map[string]string // what every secret held at first
	IDs   map[string]string // the ids of those at their issuers, where they have one

	database, redis Logins
}

// NewVendors makes the vendors. plane takes Stripe's events to the control
// plane.
func NewVendors(c Config, plane http.RoundTripper) *Vendors {
	c = c.withDefaults()
	v := &Vendors{Admin: map[string]string{}, First: map[string]string{}, IDs: map[string]string{}, database: c.Database, redis: c.Redis}
	if v.database == nil {
		v.database = neonLogins{v}
	}
	if v.redis == nil {
		v.redis = anyLogin{}
	}
	v.seed(c, plane)
	v.World = molecule.New(molecule.Config{Now: c.Now, Rand: c.Rand, Boot: c.Boot, Run: c.Run, Env: v.bootEnvironment(),
		OrgToken: true, Launcher: c.Launcher, Hold: c.Hold, Bare: c.Launcher != nil})
	v.First[FlyToken], v.IDs[FlyToken] = v.Token, v.TokenID
	v.Admin["fly"], v.Admin["github"] = v.FlyAdmin, v.GitHubAdmin
	return v
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return c
}

// seed opens the accounts and makes the first versions.
func (v *Vendors) seed(c Config, plane http.RoundTripper) {
	v.Neon = neon.New(neon.Config{Now: c.Now, Rand: c.Rand, Operation: c.Operation, Database: c.Server})
	owner := v.Neon.AddUser("Owner")
	v.Neon.AddOrg(neonOrg, owner)
	v.IDs[NeonKey], v.First[NeonKey] = v.Neon.AddKey(owner, "molecule-cp")
	v.Admin["neon"] = v.First[NeonKey] // the connection works with the secret itself
	v.Neon.AddProject(neon.Project{ID: DatabaseProject, Org: neonOrg, Branch: databaseBranch, Role: DatabaseRole, Database: Database})
	v.Neon.AddProject(neon.Project{ID: tenantProject, Org: neonOrg})
	password, _ := v.Neon.RolePassword(DatabaseProject, databaseBranch, DatabaseRole)
	v.First[DatabaseURL] = (&url.URL{Scheme: "postgresql", User: url.UserPassword(DatabaseRole, password), Host: DatabaseHost, Path: Database, RawQuery: "sslmode=require"}).String()

	v.Resend = resend.New(resend.Config{Now: c.Now, Rand: c.Rand})
	v.Resend.AddDomain(MailDomain, "verified")
	v.Resend.AddDomain(OtherDomain, "pending")
	v.IDs[ResendKey], v.First[ResendKey] = v.Resend.AddKey("molecule-cp production", "sending_access", "")
	_, v.Admin["resend"] = v.Resend.AddKey("operations", "full_access", "")
	v.First[ResendFrom] = "Molecule AI <noreply@" + MailDomain + ">"

	v.Stripe = stripe.New(stripe.Config{Now: c.Now, Rand: c.Rand, Live: true, Transport: plane})
	v.First[StripeKey] = v.Stripe.AddKey(stripe.Key{})
	v.IDs[WebhookSecret], v.First[WebhookSecret] = v.Stripe.AddEndpoint(stripe.Endpoint{ID: Endpoint, URL: webhookURL, Events: []string{"customer.subscription.updated", "customer.created", "customer.deleted"}})

	v.Admin["stripe"] = v.Stripe.AddKey(stripe.Key{Restricted: true, Permissions: []string{"rak_webhook_read", "rak_webhook_write"}})

	v.Anthropic = anthropic.New(anthropic.Config{Now: c.Now, Rand: c.Rand})
	v.Admin["anthropic"] = v.Anthropic.AddAdminKey()
	v.IDs[AnthropicKey], v.First[AnthropicKey] = v.Anthropic.CreateKey(anthropic.Key{Name: ownKeys + "first"})

	v.First[EncryptionKey] = hexKey(c.Rand)
	v.First[RedisURL] = "rediss://default:" + vendorsim.Credential(c.Rand, "AX", 40) + "@" + RedisHost + ":6379"
	v.Admin["cp"] = vendorsim.Credential(c.Rand, "cpadm_", 32)
	for name, value := range c.First {
		v.First[name] = value
	}
}

// The addresses that the first URLs name.
const (
	DatabaseHost = "ep-quiet-mountain-a1b2c3d4.eu-central-1.aws.neon.tech"
	RedisHost    = "eu1-quiet-crane-40871.upstash.io"
)

// bootEnvironment is what the control plane's machines boot with beside the Fly
// token: the other secrets, and settings.
func (v *Vendors) bootEnvironment() map[string]string {
	env := map[string]string{
		"CP_ADMIN_TOKEN": v.Admin["cp"], "FLY_ORG": molecule.Org, "NEON_PROJECT": tenantProject, "TENANT_IMAGE": "registry.fly.io/molecule-tenant:latest",
		"PUBLIC_URL": "https://" + Host, "TENANT_APP_PREFIX": TenantPrefix,
	}
	for _, name := range []string{NeonKey, DatabaseURL, RedisURL, EncryptionKey, ResendKey, ResendFrom, StripeKey, WebhookSecret} {
		env[name] = v.First[name]
	}
	env[DecryptKeys] = v.First[EncryptionKey]
	return env
}

// Environment has pawl's own credentials at the vendors, by the names that
// examples/runbook has for them.
func (v *Vendors) Environment() map[string]string {
	return map[string]string{
		"FLY_ADMIN_TOKEN": v.Admin["fly"], "GITHUB_ADMIN_TOKEN": v.Admin["github"], "RESEND_ADMIN_KEY": v.Admin["resend"], "ANTHROPIC_ADMIN_KEY": v.Admin["anthropic"],
		"CP_ADMIN_TOKEN": v.Admin["cp"], "STRIPE_RESTRICTED_KEY": v.Admin["stripe"],
	}
}

// Hosts gives the vendors by host, for vendorsim.Transport.
func (v *Vendors) Hosts() map[string]http.Handler {
	hosts := v.World.Hosts()
	hosts[neon.Host], hosts[resend.Host] = v.Neon, v.Resend
	hosts[stripe.Host], hosts[stripe.CheckoutHost], hosts[anthropic.Host] = v.Stripe, v.Stripe, v.Anthropic
	hosts[github.Host] = v.GitHub
	return hosts
}

// Values gives every value of a secret, and every other credential, that exists
// here, for a leak search. Of a URL it is the password, and addresses are none.
func (v *Vendors) Values() []string {
	list := v.World.Values()
	for _, more := range [][]string{v.Neon.Issued(), v.Resend.Issued(), v.Stripe.Issued(), v.Anthropic.Issued(), {v.Admin["cp"]}} {
		list = append(list, more...)
	}
	for _, name := range Names() {
		for _, value := range []string{v.First[name], v.Stored(name)} {
			if u, err := url.Parse(value); err == nil && u.User != nil {
				value, _ = u.User.Password()
			}
			if name != ResendFrom && !strings.HasPrefix(value, "sqlite:") {
				list = append(list, value)
			}
		}
	}
	return slices.DeleteFunc(list, func(value string) bool { return value == "" })
}
