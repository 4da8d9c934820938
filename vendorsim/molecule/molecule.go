// Package molecule is the world of the seed's coupled secret: a control plane
// that runs at Fly and logs in there with FLY_API_TOKEN, and a repository at
// GitHub whose workflow publishes the image with the same token.
package molecule

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/github"
)

// The names of the world.
const (
	Org      = "molecule"
	App      = "molecule-cp"
	Secret   = "FLY_API_TOKEN"
	Repo     = "Molecule-AI/molecule-monorepo"
	Workflow = "publish-platform-image.yml"
	AppHost  = "molecule-cp.fly.dev"
	Machines = 2 // of the app
)

// World is the two vendors and the app, with the first token in both places.
type World struct {
	Fly     *fly.Fly
	GitHub  *github.GitHub
	Token   string // the deploy token that is in place at first
	TokenID string

	FlyAdmin    string // pawl's own: a person's session, since scoped tokens cannot mint
	GitHubAdmin string // pawl's own: a classic token

	profile string // of the token
}

// Config says how fast the world is. The zero Config does everything at once.
type Config struct {
	Now           pawl.Clock
	Rand          io.Reader
	RevocationLag time.Duration
	Boot          time.Duration // of a machine
	Run           time.Duration // of a workflow run

	Env map[string]string // further secrets of the app, which its machines boot with

	// OrgToken has the token reach the whole organisation, as one must that
	// makes apps. Otherwise it is a deploy token of the app.
	OrgToken bool

	Launcher fly.Launcher  // runs the programs of machines; nil runs none
	Hold     time.Duration // as fly.Config.Hold
	Bare     bool          // the app has no machines yet
}

const life = 20 * 365 * 24 * time.Hour // of the first token

// New makes the world.
func New(c Config) *World {
	w := &World{profile: fly.Deploy, Fly: fly.New(fly.Config{Now: c.Now, Rand: c.Rand, RevocationLag: c.RevocationLag, Starting: c.Boot, Launcher: c.Launcher, Hold: c.Hold})}
	w.Fly.AddOrg(Org)
	w.Fly.AddApp(Org, App, Secret)
	if c.OrgToken {
		w.profile = fly.Organisation
		w.TokenID, w.Token = w.Fly.AddOrgToken(Org, "molecule-cp-first", life)
	} else {
		w.TokenID, w.Token = w.Fly.AddDeployToken(App, "molecule-cp-first", life)
	}
	w.Fly.SetSecret(App, Secret, w.Token)
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		w.Fly.SetSecret(App, name, c.Env[name])
	}
	if !c.Bare {
		w.Fly.AddMachines(App, Machines)
	}
	w.FlyAdmin = w.Fly.AddUserToken(Org, "owner@example.com")

	w.GitHub = github.New(github.Config{Now: c.Now, Rand: c.Rand, Run: c.Run, Job: w.publish})
	w.GitHub.AddRepo(Repo)
	w.GitHub.AddWorkflow(Repo, github.Workflow{File: Workflow, Name: "publish-platform-image"})
	w.GitHub.SetSecret(github.Repo(Repo), Secret, w.Token)
	w.GitHubAdmin = w.GitHub.AddToken(github.Token{Kind: github.Classic, Login: "owner", Scopes: []string{"repo", "workflow"}})
	return w
}

// publish is the workflow's job: it succeeds when Fly's registry lets it in.
func (w *World) publish(job github.JobRun) string {
	if w.Fly.TokenAcceptedAt(job.Env[Secret], job.At) {
		return "success"
	}
	return "failure"
}

// Hosts gives the handlers by host, for vendorsim.Transport.
func (w *World) Hosts() map[string]http.Handler {
	return map[string]http.Handler{fly.MachinesHost: w.Fly, fly.APIHost: w.Fly, github.Host: w.GitHub, AppHost: w.Fly.AppHandler(App)}
}

// AtFly gives what the app's secret holds.
func (w *World) AtFly() string {
	v, _ := w.Fly.SecretValue(App, Secret)
	return v
}

// AtGitHub gives what the repository's secret holds.
func (w *World) AtGitHub() string {
	v, _ := w.GitHub.SecretValue(github.Repo(Repo), Secret)
	return v
}

// Loaded gives what the app's machines run with; "" when they differ.
func (w *World) Loaded() string { return w.Running(App, Secret) }

// Running gives what the machines of an app run with under a name; "" when they
// differ.
func (w *World) Running(app, name string) string {
	var all string
	for i, id := range w.Fly.Machines(app) {
		v, _ := w.Fly.MachineEnv(app, id, name)
		if i > 0 && v != all {
			return ""
		}
		all = v
	}
	return all
}

// LiveDeployTokens lists the ids of the tokens of the first one's kind that are
// not revoked.
func (w *World) LiveDeployTokens() []string {
	var ids []string
	for _, t := range w.Fly.Tokens() {
		if t.Profile == w.profile && (t.App == App || w.profile == fly.Organisation) && t.RevokedAt.IsZero() {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// Values gives every credential that exists here, for a leak search.
func (w *World) Values() []string {
	return append(append([]string{}, w.Fly.Issued()...), w.GitHub.Issued()...)
}
