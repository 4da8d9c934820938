package saas

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

// Wrong lists what is not as it must be once a rotation is done, as the vendors
// tell it: the new version is stored, machines run with it and its issuer takes
// it, the old one is refused, and there is no third.
func (v *Vendors) Wrong(name string) []string {
	var list []string
	must := func(ok bool, what string) {
		if !ok {
			list = append(list, what)
		}
	}
	old, stored := v.First[name], v.Stored(name)
	if name == ActionsToken {
		return nil // nobody stores it
	}
	if name != AnthropicKey { // which is stored at tenants' platforms
		must(stored != "" && stored != old, "P2: the control plane's copy was not changed")
		must(v.Running(App, name) == stored, "P2: the machines run with something else than what is stored")
		must(v.Accepted(name, stored), "P1: what is stored is refused")
	}
	if name != ResendFrom { // a setting: the old one may be used again
		must(!v.Accepted(name, old), "P3: the old one is accepted")
	}
	if n := len(v.Alive(name)); n > 1 {
		must(false, fmt.Sprintf("P7: %d are alive", n))
	}
	return append(list, v.elsewhere(name, stored)...)
}

// elsewhere lists what is wrong in further places and with further consumers.
func (v *Vendors) elsewhere(name, stored string) []string {
	var list []string
	must := func(ok bool, what string) {
		if !ok {
			list = append(list, what)
		}
	}
	switch name {
	case FlyToken:
		must(v.AtGitHub() == stored, "P2: GitHub and Fly hold different tokens")
	case RedisURL:
		for _, app := range v.tenantApps() {
			must(v.Running(app, TenantRedis) == stored, "P2: "+app+" runs with something else than what is stored")
		}
	case EncryptionKey:
		for _, app := range v.OpensWith(v.First[name]) {
			must(false, "P3: "+app+" still opens rows with the old key")
		}
	case WebhookSecret:
		must(v.TakesEvents(), "P2: an event was refused")
	case AnthropicKey:
		status := v.Anthropic.Status(v.IDs[name])
		must(status == anthropic.Archived, "P3: the old key is "+status)
	}
	return list
}

// tenantApps lists the apps of tenants.
func (v *Vendors) tenantApps() []string {
	return slices.DeleteFunc(v.Fly.Apps(), func(app string) bool { return !strings.HasPrefix(app, TenantPrefix) })
}

// Stored gives what the control plane's secret holds at Fly.
func (v *Vendors) Stored(name string) string {
	value, _ := v.Fly.SecretValue(App, name)
	return value
}

// everywhere asks each machine of an app.
func (v *Vendors) everywhere(app string, ask func(env func(string) string) bool) bool {
	for _, id := range v.Fly.Machines(app) {
		if !ask(func(name string) string { value, _ := v.Fly.MachineEnv(app, id, name); return value }) {
			return false
		}
	}
	return true
}

// OpensWith lists the apps that have a machine which opens rows with a key.
func (v *Vendors) OpensWith(key string) []string {
	return slices.DeleteFunc(append([]string{App}, v.tenantApps()...), func(app string) bool {
		return v.everywhere(app, func(env func(string) string) bool {
			return env(EncryptionKey) != key && !slices.Contains(strings.Split(env(DecryptKeys), ","), key)
		})
	})
}

// TakesEvents has Stripe send an event, and reports whether it and all before
// it were taken.
func (v *Vendors) TakesEvents() bool {
	v.Stripe.Emit("customer.subscription.updated", map[string]any{"id": "sub_runbook"})
	v.Stripe.Deliver()
	return !slices.ContainsFunc(v.Stripe.Deliveries(), func(d stripe.Delivery) bool { return !d.Over })
}
