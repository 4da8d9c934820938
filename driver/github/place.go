package github

import (
	"regexp"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// place is where a secret lives.
type place struct {
	kind  string
	under route // the secrets beside it, "/repos/{owner}/{repo}/actions/secrets"
	name  string
	where string // for people: "acme/site"
	on    string // for people: "acme/site DEPLOY_TOKEN"
	org   bool
}

func (p place) key() route    { return p.under.join("/public-key") }
func (p place) secret() route { return p.under.join("/{secret_name}", "secret_name", p.name) }

// ring names the place's public key among those of a connection.
func (p place) ring() string { return p.under.path + "\x00" + p.where }

// secretName is GitHub's rule for names of secrets (docs.github.com, "Secrets
// reference"); the prefix GITHUB_ is refused besides.
var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// placeOf gives the place of a location's target.
func placeOf(op string, t driver.Target) (place, error) {
	owner, err := ownerOf(op, t)
	if err != nil {
		return place{}, err
	}
	p := place{kind: t.Kind, name: t.Settings.String("name")}
	switch t.Kind {
	case kindRepo:
		p.under, p.where = owner.join("/actions/secrets"), owner.name
	case kindEnvironment:
		environment := t.Settings.String("environment")
		if dots(environment) || environment == "" {
			return place{}, invalid(op, owner.name, "the environment's name is not one that GitHub can have", "correct environment in the estate")
		}
		p.under = owner.join("/environments/{environment_name}/secrets", "environment_name", environment)
		p.where = owner.name + " (" + environment + ")"
	case kindDependabot:
		p.under, p.where = owner.join("/dependabot/secrets"), owner.name
	case kindOrg:
		p.under, p.where, p.org = owner.join("/actions/secrets"), owner.name, true
	case kindDependabotOrg:
		p.under, p.where, p.org = owner.join("/dependabot/secrets"), owner.name, true
	default:
		return place{}, unsupported(op, t.Kind)
	}
	if !secretName.MatchString(p.name) || strings.HasPrefix(strings.ToUpper(p.name), "GITHUB_") {
		return place{}, invalid(op, p.where, "GitHub takes no such name for a secret",
			"use letters, digits and underscores, not starting with a digit or with GITHUB_")
	}
	p.on = p.where + " " + p.name
	return p, nil
}

// owner is the repository or organisation of a target.
type owner struct {
	route        // "/repos/{owner}/{repo}" or "/orgs/{org}"
	name  string // "acme/site" or "acme"
}

// ownerOf reads a target's repo, or its org where it has no repo.
func ownerOf(op string, t driver.Target) (owner, error) {
	if org := t.Settings.String("org"); org != "" && t.Settings.String("repo") == "" {
		if dots(org) {
			return owner{}, invalid(op, org, "the organisation's login is not one that GitHub can have", "correct org in the estate")
		}
		return owner{route: route{}.join("/orgs/{org}", "org", org), name: org}, nil
	}
	return repository(op, t.Settings.String("repo"))
}

func repository(op, full string) (owner, error) {
	login, name, ok := strings.Cut(full, "/")
	if !ok || login == "" || name == "" || strings.Contains(name, "/") || dots(login) || dots(name) {
		return owner{}, invalid(op, full, "a repository is written owner/name", "correct repo in the estate")
	}
	return owner{route: route{}.join("/repos/{owner}/{repo}", "owner", login, "repo", name), name: full}, nil
}

// dots reports a path segment that servers on the way would resolve.
func dots(segment string) bool { return segment == "." || segment == ".." }

func invalid(op, on, why, next string) *driver.Error {
	return &driver.Error{Op: op, On: on, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why, Next: next}
}

func unsupported(op, kind string) *driver.Error {
	return &driver.Error{Op: op, On: kind, Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: "the driver does not do this for this kind"}
}
