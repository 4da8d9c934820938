package github

import (
	"slices"
	"strings"

	"github.com/pawlhq/pawl/vendorsim"
)

// The seeding calls below set up a world before anything runs in it. They
// panic on names that do not exist: a mistake of the program.

// Workflow is a workflow file to be added.
type Workflow struct {
	File, Name  string
	On          []string // the events that start it; none is workflow_dispatch
	Environment string   // of its job; "" is none
	Inputs      []string // the names of inputs that a dispatch may set
}

// AddOrg makes an organisation.
func (g *GitHub) AddOrg(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.orgs[name] = &vaults{}
}

// AddRepo makes a private repository, "owner/name", with a branch main, and
// gives its number.
func (g *GitHub) AddRepo(full string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	owner, name, _ := strings.Cut(full, "/")
	r := &repo{id: g.nextID(), owner: owner, name: name, branches: []string{"main"}}
	g.repos = append(g.repos, r)
	return r.id
}

// SetRepo changes whether a repository is public and archived.
func (g *GitHub) SetRepo(full string, public, archived bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.mustRepo(full)
	r.public, r.archived = public, archived
}

// AddEnvironment makes an environment whose jobs may need a person's
// approval.
func (g *GitHub) AddEnvironment(repo, name string, approval bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.mustRepo(repo)
	r.environments = append(r.environments, &environment{id: g.nextID(), name: name, approval: approval, createdAt: g.now()})
}

// AddWorkflow adds a workflow to a repository and gives its number.
func (g *GitHub) AddWorkflow(repo string, w Workflow) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(w.On) == 0 {
		w.On = []string{byHand}
	}
	r := g.mustRepo(repo)
	r.workflows = append(r.workflows, &workflow{Workflow: w, id: g.nextID(), createdAt: g.now()})
	return g.lastID
}

// DisableWorkflow turns a workflow off.
func (g *GitHub) DisableWorkflow(repo, file string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mustWorkflow(repo, file).disabled = true
}

// AddToken makes a credential and gives its value.
func (g *GitHub) AddToken(t Token) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	prefix, n := "ghp_", 26
	switch t.Kind {
	case FineGrained:
		prefix, n = "github_pat_", 72
	case Installation:
		prefix, n = "ghs_", 26
	}
	a := &account{Token: t, id: g.nextID(), value: vendorsim.Credential(g.cfg.Rand, prefix, n)}
	g.accounts, g.issued = append(g.accounts, a), append(g.issued, a.value)
	return a.value
}

// SetSecret stores a value without any call. Secrets of organisations are
// visible to all repositories.
func (g *GitHub) SetSecret(s Scope, name, value string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.vault(s)
	if v == nil || canonical(name) == "" {
		panic("github: no such place or no good name: " + string(s) + " " + name)
	}
	k, _ := v.put(canonical(name), value, g.now())
	if k.visibility == "" {
		k.visibility = "all"
	}
}

// StartRun starts a run as an event would, for example a push, and gives its
// number.
func (g *GitHub) StartRun(repo, file, event string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle()
	r := g.mustRepo(repo)
	return g.start(r, g.mustWorkflow(repo, file), event, r.branches[0], nil).id
}

// Approve lets the job of a waiting run start.
func (g *GitHub) Approve(id int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle()
	i := slices.IndexFunc(g.runs, func(x *run) bool { return x.id == id })
	if i < 0 || g.status(g.runs[i]) != waiting {
		panic("github: the run does not wait for approval")
	}
	g.decide(g.runs[i], true)
}

func (g *GitHub) mustRepo(full string) *repo {
	if r := g.repo(full); r != nil {
		return r
	}
	panic("github: no such repository: " + full)
}

func (g *GitHub) mustWorkflow(repo, file string) *workflow {
	r := g.mustRepo(repo)
	i := slices.IndexFunc(r.workflows, func(w *workflow) bool { return w.File == file })
	if i < 0 {
		panic("github: no such workflow: " + file)
	}
	return r.workflows[i]
}
