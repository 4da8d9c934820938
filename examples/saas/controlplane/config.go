package controlplane

import (
	"cmp"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"github.com/pawlhq/pawl/examples/saas/tenant"
)

// Config is what the control plane is told at boot. Most of it is secret: a
// Config prints as its name alone.
type Config struct {
	// Secrets.
	FlyToken       string   // FLY_API_TOKEN, an organisation's
	NeonKey        string   // NEON_API_KEY
	DatabaseURL    string   // DATABASE_URL, "postgresql://…" or "sqlite:PATH"
	TenantRedisURL string   // TENANT_REDIS_URL; "" is no Redis for tenants
	EncryptionKey  string   // SECRETS_ENCRYPTION_KEY, 64 hex digits
	DecryptionKeys []string // SECRETS_DECRYPTION_KEYS, which open beside it
	ResendKey      string   // RESEND_API_KEY; "" is no mail
	From           string   // RESEND_FROM_EMAIL, "Name <address>"
	StripeKey      string   // STRIPE_API_KEY
	WebhookSecrets []string // STRIPE_WEBHOOK_SECRET, any of which may have signed
	AdminToken     string   // CP_ADMIN_TOKEN, opens /cp

	// Settings.
	PublicURL     string // PUBLIC_URL, where tenants and Stripe find this
	TenantURL     string // TENANT_URL; {app} stands for the name of a tenant's app
	TenantPrefix  string // TENANT_APP_PREFIX, of these names
	TenantImage   string // TENANT_IMAGE, what a tenant's machine runs
	FlyOrg        string // FLY_ORG, where tenants' apps are made
	FlyApp        string // FLY_APP_NAME, this app; "" is a control plane elsewhere
	NoDatabases   bool   // TENANT_DATABASE=off: tenants' branches are made, and their platforms use none
	NeonProject   string // NEON_PROJECT, where tenants' branches are made
	FlyBase       string // FLY_API_BASE
	NeonBase      string // NEON_API_BASE
	ResendBase    string // RESEND_API_BASE
	StripeBase    string // STRIPE_API_BASE
	AnthropicBase string // ANTHROPIC_API_BASE, handed on to tenants; "" is their default
	Port          string // PORT, where the program listens

	// Store keeps the rows instead of the database at DatabaseURL. It outlives
	// the Server, which does not close it.
	Store Store
}

// String hides the secrets.
func (Config) String() string { return "controlplane.Config" }

// GoString hides the secrets.
func (Config) GoString() string { return "controlplane.Config" }

// ConfigFromEnv reads the environment; getenv is os.Getenv. Its error lists all
// that is missing or wrong, by name and without values.
func ConfigFromEnv(getenv func(string) string) (Config, error) {
	c := Config{
		FlyToken: getenv("FLY_API_TOKEN"), NeonKey: getenv("NEON_API_KEY"), DatabaseURL: getenv("DATABASE_URL"), TenantRedisURL: getenv("TENANT_REDIS_URL"),
		EncryptionKey: getenv(tenant.EnvKey), DecryptionKeys: list(getenv(tenant.EnvAccepts)),
		ResendKey: getenv("RESEND_API_KEY"), From: getenv("RESEND_FROM_EMAIL"),
		StripeKey: getenv("STRIPE_API_KEY"), WebhookSecrets: list(getenv("STRIPE_WEBHOOK_SECRET")), AdminToken: getenv("CP_ADMIN_TOKEN"),

		PublicURL:    cmp.Or(getenv("PUBLIC_URL"), "https://molecule-cp.fly.dev"),
		TenantURL:    cmp.Or(getenv("TENANT_URL"), "https://{app}.fly.dev"),
		TenantPrefix: cmp.Or(getenv("TENANT_APP_PREFIX"), "molecule-tenant-"),
		TenantImage:  getenv("TENANT_IMAGE"), FlyOrg: getenv("FLY_ORG"), FlyApp: getenv("FLY_APP_NAME"), NeonProject: getenv("NEON_PROJECT"), NoDatabases: getenv("TENANT_DATABASE") == "off",
		FlyBase:       cmp.Or(getenv("FLY_API_BASE"), "https://api.machines.dev"),
		NeonBase:      cmp.Or(getenv("NEON_API_BASE"), "https://console.neon.tech"),
		ResendBase:    cmp.Or(getenv("RESEND_API_BASE"), "https://api.resend.com"),
		StripeBase:    cmp.Or(getenv("STRIPE_API_BASE"), "https://api.stripe.com"),
		AnthropicBase: getenv("ANTHROPIC_API_BASE"),
		Port:          cmp.Or(getenv("PORT"), "8080"),
	}
	return c, c.check()
}

// list reads values that are joined by commas. None of them is empty.
func list(joined string) []string {
	var all []string
	for v := range strings.SplitSeq(joined, ",") {
		if v = strings.TrimSpace(v); v != "" {
			all = append(all, v)
		}
	}
	return all
}

// check lists what is missing or wrong.
func (c Config) check() error {
	var errs []error
	need := func(there bool, name string) {
		if !there {
			errs = append(errs, fmt.Errorf("%s is not set", name))
		}
	}
	need(c.FlyToken != "", "FLY_API_TOKEN")
	need(c.NeonKey != "", "NEON_API_KEY")
	need(c.DatabaseURL != "" || c.Store != nil, "DATABASE_URL")
	need(c.EncryptionKey != "", tenant.EnvKey)
	need(c.StripeKey != "", "STRIPE_API_KEY")
	need(len(c.WebhookSecrets) > 0, "STRIPE_WEBHOOK_SECRET")
	need(c.AdminToken != "", "CP_ADMIN_TOKEN")
	need(c.TenantImage != "", "TENANT_IMAGE")
	need(c.FlyOrg != "", "FLY_ORG")
	need(c.NeonProject != "", "NEON_PROJECT")
	if _, err := mail.ParseAddress(c.From); err != nil && c.ResendKey != "" {
		errs = append(errs, errors.New(`RESEND_FROM_EMAIL is no address: give "Name <address>"`))
	}
	if _, err := c.box(); err != nil && c.EncryptionKey != "" {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// box seals with the encryption key, and opens with all.
func (c Config) box() (*tenant.Box, error) {
	b, err := tenant.NewBox(append([]string{c.EncryptionKey}, c.DecryptionKeys...)...)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", tenant.EnvKey, tenant.EnvAccepts, err)
	}
	return b, nil
}

// opensWith gives a tenant's SECRETS_DECRYPTION_KEYS: it must open what is
// sealed here.
func (c Config) opensWith() string {
	keys := c.DecryptionKeys
	for _, key := range keys {
		if strings.EqualFold(key, c.EncryptionKey) {
			return strings.Join(keys, ",")
		}
	}
	return strings.Join(append([]string{c.EncryptionKey}, keys...), ",")
}
