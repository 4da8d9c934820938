package github

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Scope names a place for secrets. The functions below make one.
type Scope string

// Repo is the Actions secrets of a repository, "owner/name".
func Repo(full string) Scope { return Scope("actions repo " + full) }

// Org is the Actions secrets of an organisation.
func Org(name string) Scope { return Scope("actions org " + name) }

// Environment is the secrets of an environment of a repository.
func Environment(full, name string) Scope { return Scope("environment " + full + " " + name) }

// DependabotRepo is the Dependabot secrets of a repository.
func DependabotRepo(full string) Scope { return Scope("dependabot repo " + full) }

// DependabotOrg is the Dependabot secrets of an organisation.
func DependabotOrg(name string) Scope { return Scope("dependabot org " + name) }

// vault gives the place of a scope, or nil.
func (g *GitHub) vault(s Scope) *vault {
	part := strings.SplitN(string(s), " ", 3)
	if len(part) != 3 {
		return nil
	}
	if part[0] == "environment" {
		if r := g.repo(part[1]); r != nil && r.environment(part[2]) != nil {
			return &r.environment(part[2]).vault
		}
		return nil
	}
	both := g.org(part[2])
	if part[1] == "repo" {
		both = nil
		if r := g.repo(part[2]); r != nil {
			both = &r.vaults
		}
	}
	switch {
	case both == nil:
		return nil
	case part[0] == "actions":
		return &both.actions
	default:
		return &both.dependabot
	}
}

// SecretValue gives what a secret holds, to be compared and never printed.
func (g *GitHub) SecretValue(s Scope, name string) (string, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.vault(s)
	if v == nil {
		return "", false
	}
	k, ok := v.secrets[canonical(name)]
	if !ok {
		return "", false
	}
	return k.value, true
}

// SecretAudience gives the visibility of an organisation's secret and the
// numbers of its selected repositories.
func (g *GitHub) SecretAudience(s Scope, name string) (visibility string, selected []int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v := g.vault(s); v != nil && v.secrets[canonical(name)] != nil {
		k := v.secrets[canonical(name)]
		return k.visibility, slices.Clone(k.selected)
	}
	return "", nil
}

// RunState is what is so about a run. Env has values, to be compared and never
// printed.
type RunState struct {
	ID                    int64
	Repo, Workflow, Event string
	Status, Conclusion    string
	Attempt               int
	CreatedAt             time.Time
	Env                   map[string]string
}

// Runs lists all runs, oldest first.
func (g *GitHub) Runs() []RunState {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle()
	list := make([]RunState, 0, len(g.runs))
	for _, x := range g.runs {
		list = append(list, RunState{ID: x.id, Repo: x.repo.full(), Workflow: x.flow.File, Event: x.event, Status: g.status(x),
			Conclusion: x.conclusion, Attempt: x.attempt, CreatedAt: x.createdAt, Env: maps.Clone(x.env)})
	}
	return list
}

// TokenAccepted reports whether GitHub takes a credential now.
func (g *GitHub) TokenAccepted(value string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.find(value, g.now()) != nil
}

// Issued gives every credential that was made here, as the strings that a
// leak search looks for.
func (g *GitHub) Issued() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.issued)
}
