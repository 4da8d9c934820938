package saas

import (
	"errors"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

// Credential is a version of a secret at its issuer. Value is to be compared
// and never printed; "" is one that the issuer tells nobody.
type Credential struct{ ID, Value string }

// Logins is a server that consumers log in to with a URL. Its methods are
// called by several goroutines at once.
type Logins interface {
	Login(url string) error
	// Alive lists the credentials that are there, pawl's own left out.
	Alive() []Credential
}

// Accepted asks the issuer of a secret whether it takes a value now. An
// encryption key is accepted while a machine opens rows with it.
func (v *Vendors) Accepted(name, value string) bool {
	switch name {
	case FlyToken:
		return v.Fly.TokenAccepted(value)
	case NeonKey:
		return v.Neon.KeyAccepted(value)
	case DatabaseURL:
		return v.database.Login(value) == nil
	case RedisURL:
		return v.redis.Login(value) == nil
	case EncryptionKey:
		return len(v.OpensWith(value)) > 0
	case ResendKey:
		return v.Resend.KeyAccepted(value)
	case ResendFrom:
		return v.mayBeFrom(value)
	case StripeKey:
		return v.Stripe.KeyAccepted(value)
	case WebhookSecret:
		return v.signs(value)
	case AnthropicKey:
		return v.Anthropic.Accepted(value)
	default:
		return false
	}
}

// mayBeFrom reports whether mail may come from an address.
func (v *Vendors) mayBeFrom(from string) bool {
	a, err := mail.ParseAddress(from)
	if err != nil {
		return false
	}
	_, domain, _ := strings.Cut(a.Address, "@")
	return v.Resend.DomainStatus(domain) == "verified"
}

// signs reports whether Stripe signs with a secret now.
func (v *Vendors) signs(secret string) bool {
	return slices.ContainsFunc(v.Stripe.Endpoints(), func(e stripe.EndpointState) bool { return !e.Disabled && slices.Contains(e.Secrets, secret) })
}

// Alive lists what the issuer of a secret has of it, also what is switched off
// for now: more than one is one that somebody has forgotten, unless a rotation
// is under way. What has no issuer has none.
func (v *Vendors) Alive(name string) []Credential {
	switch name {
	case FlyToken:
		return v.flyTokens()
	case NeonKey:
		return v.neonKeys()
	case DatabaseURL:
		return v.database.Alive()
	case RedisURL:
		return v.redis.Alive()
	case ResendKey:
		return v.resendKeys()
	case StripeKey:
		return v.stripeKeys()
	case WebhookSecret:
		return v.webhookSecrets()
	case AnthropicKey:
		return v.anthropicKeys()
	default:
		return nil
	}
}

// flyTokens are the tokens of the organisation and of the app. People's
// sessions are none.
func (v *Vendors) flyTokens() []Credential {
	var list []Credential
	for _, t := range v.Fly.Tokens() {
		if (t.Profile == fly.Organisation || t.Profile == fly.Deploy) && t.RevokedAt.IsZero() {
			value, _ := v.Fly.TokenValue(t.ID)
			list = append(list, Credential{t.ID, value})
		}
	}
	return list
}

func (v *Vendors) neonKeys() []Credential {
	var list []Credential
	for _, k := range v.Neon.Keys() {
		if k.RevokedAt.IsZero() {
			value, _ := v.Neon.KeyValue(k.ID)
			list = append(list, Credential{k.ID, value})
		}
	}
	return list
}

func (v *Vendors) resendKeys() []Credential {
	var list []Credential
	for _, k := range v.Resend.Keys() {
		if value, _ := v.Resend.KeyValue(k.ID); k.DeletedAt.IsZero() && value != v.Admin["resend"] {
			list = append(list, Credential{k.ID, value})
		}
	}
	return list
}

// stripeKeys have no ids: Stripe's API tells of none.
func (v *Vendors) stripeKeys() []Credential {
	var list []Credential
	for _, value := range v.Stripe.Keys() {
		if value != v.Admin["stripe"] {
			list = append(list, Credential{"", value})
		}
	}
	return list
}

func (v *Vendors) webhookSecrets() []Credential {
	var list []Credential
	for _, e := range v.Stripe.Endpoints() {
		for _, secret := range e.Secrets {
			list = append(list, Credential{e.ID, secret})
		}
	}
	return list
}

// ownKeys is how the names of the system's own keys at the language model begin
// (examples/runbook). Tenants' have other names.
const ownKeys = "molecule-prod-"

func (v *Vendors) anthropicKeys() []Credential {
	var list []Credential
	for _, k := range v.Anthropic.Keys() {
		if strings.HasPrefix(k.Name, ownKeys) && k.Status != anthropic.Archived {
			value, _ := v.Anthropic.KeyValue(k.ID)
			list = append(list, Credential{k.ID, value})
		}
	}
	return list
}

// neonLogins is the control plane's database in memory.
type neonLogins struct{ *Vendors }

func (n neonLogins) Login(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return errors.New("DATABASE_URL is no URL")
	}
	password, _ := u.User.Password()
	if _, ok := n.Neon.Login(DatabaseProject, databaseBranch, u.User.Username(), password); !ok {
		return errors.New("password authentication failed")
	}
	return nil
}

func (n neonLogins) Alive() []Credential {
	var list []Credential
	for _, role := range n.Neon.Roles(DatabaseProject, databaseBranch) {
		password, _ := n.Neon.RolePassword(DatabaseProject, databaseBranch, role)
		list = append(list, Credential{role, password})
	}
	return list
}

// anyLogin takes every URL.
type anyLogin struct{}

func (anyLogin) Login(string) error  { return nil }
func (anyLogin) Alive() []Credential { return nil }
