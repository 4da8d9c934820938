package crash

import (
	"slices"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim/molecule"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// truth tells what is so in the whole system.
func (b *runbook) truth() Truth {
	return Truth{Live: b.live(), Places: b.places(), Broken: b.Failing(), Canary: b.values()}
}

// places are the copies of the secret that rotates.
func (b *runbook) places() []Place {
	switch b.name {
	case saas.FlyToken:
		return []Place{b.secretAt(saas.App, b.name), {Name: "GitHub", Holds: b.AtGitHub(), Loaded: b.AtGitHub(), Works: true}}
	case saas.RedisURL:
		return append(b.atTenants(saas.TenantRedis), b.secretAt(saas.App, b.name))
	case saas.EncryptionKey:
		rings := append(b.atTenants(saas.DecryptKeys), b.secretAt(saas.App, saas.DecryptKeys))
		for i := range rings {
			rings[i].Accepts = true
		}
		return append(rings, b.secretAt(saas.App, b.name))
	case saas.AnthropicKey:
		return b.platforms()
	case saas.ActionsToken:
		return nil
	default:
		return []Place{b.secretAt(saas.App, b.name)}
	}
}

// secretAt is an app's secret at Fly. Whether its consumers work is asked of all
// consumers, not of it.
func (b *runbook) secretAt(app, name string) Place {
	holds, _ := b.Fly.SecretValue(app, name)
	return Place{Name: app + " " + name, Secret: pawl.SecretName(b.name), Holds: holds, Loaded: b.Running(app, name), Works: true}
}

func (b *runbook) atTenants(name string) []Place {
	var list []Place
	for _, slug := range b.Tenants() {
		if slices.Contains(b.first, slug) { // a fixture's goes again
			list = append(list, b.secretAt(saas.TenantPrefix+slug, name))
		}
	}
	return list
}

// platforms are the global secrets of tenants' platforms. Workspaces that are
// paused, or have a key of their own, run with no copy of it.
func (b *runbook) platforms() []Place {
	var list []Place
	for _, slug := range b.first {
		p := Place{Name: slug, Secret: pawl.SecretName(b.name), Holds: b.GlobalKey(slug), Works: true}
		for _, ws := range b.Workspaces() {
			if ws.Org == slug && !ws.Paused && !ws.Own && (p.Loaded == "" || ws.Key == b.First[b.name]) {
				p.Loaded = ws.Key
			}
		}
		list = append(list, p)
	}
	return list
}

// live are the credentials at the issuer of the secret that rotates.
func (b *runbook) live() []Credential {
	var list []Credential
	for _, c := range b.Alive(b.name) {
		list = append(list, Credential{ID: c.ID, Value: c.Value, Initial: c.Value == b.First[b.name], Foreign: slices.Contains(b.strange, c.ID)})
	}
	return list
}

// ended lists what is wrong once a rotation stands still.
func (b *runbook) ended(o pawl.Outcome) []string {
	var list []string
	must := func(ok bool, what string) {
		if !ok {
			list = append(list, what)
		}
	}
	for _, slug := range b.Tenants() {
		must(slices.Contains(b.first, slug), "P2: the tenant "+slug+" was made and is left")
	}
	if o != pawl.Done {
		return list
	}
	switch old := b.First[b.name]; b.name {
	case saas.EncryptionKey:
		must(b.OldRows(old) == 0, "P2: a row is left under the old key")
		for _, app := range b.OpensWith(old) {
			must(false, "P3: "+app+" still opens rows with the old key")
		}
	case saas.WebhookSecret:
		must(b.TakesEvents(), "P2: an event was refused")
	}
	return list
}

// values lists every credential, for the leak search.
func (b *runbook) values() []string {
	list := append(b.Values(), b.database.seen...)
	return append(list, b.redis.seen...)
}

// strangers reports whether somebody else may mint at the issuer too.
func (b *runbook) strangers() bool {
	return slices.Contains([]string{saas.FlyToken, saas.ResendKey, saas.DatabaseURL, saas.RedisURL}, b.name)
}

// strangerMints is somebody else at the same issuer.
func (b *runbook) strangerMints() error {
	var id string
	switch b.name {
	case saas.FlyToken:
		id, _ = b.Fly.AddOrgToken(molecule.Org, "somebody else's", 20*365*daily)
	case saas.ResendKey:
		id, _ = b.Resend.AddKey("somebody else's", "sending_access", "")
	case saas.DatabaseURL:
		id = b.database.mint("molecule_cp_reports").id
	case saas.RedisURL:
		id = b.redis.mint("").id
	}
	b.strange = append(b.strange, id)
	return nil
}
