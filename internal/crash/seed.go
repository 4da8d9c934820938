package crash

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/fly"
	"github.com/pawlhq/pawl/driver/github"
	httpdriver "github.com/pawlhq/pawl/driver/http"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/molecule"
)

const seedEstate = `pawl: 1
estate: molecule-prod
connections:
  fly:    {driver: fly, org: molecule, credential: env:FLY_ADMIN_TOKEN}
  github: {driver: github, credential: env:GITHUB_ADMIN_TOKEN}
  cp:     {driver: http, base: https://molecule-cp.fly.dev}
secrets:
  FLY_API_TOKEN:
    issuer: {use: fly, kind: deploy_token, app: molecule-cp, name: "molecule-cp-rotation-{{.Date}}"}
    locations:
      - {use: fly, kind: app_secret, app: molecule-cp, activate: rolling}
      - {use: github, kind: actions_secret, repo: Molecule-AI/molecule-monorepo}
    checks:
      - {use: cp, kind: get, path: /health, status: 200}
      - {use: github, kind: workflow_run, repo: Molecule-AI/molecule-monorepo, workflow: publish-platform-image.yml, within: 20m}
    retire: {after: 1h}
`

// Seed gives the scenario of the seed's coupled secret at the stand-ins of
// its real vendors.
func Seed() *Scenario { return &Scenario{Name: "seed: FLY_API_TOKEN", Build: buildSeed} }

func buildSeed(clock *Clock) (*World, error) {
	registry := driver.Registry{fly.New(), github.New(), httpdriver.New()}
	e, err := estate.Parse("pawl.yaml", []byte(seedEstate), registry)
	if err != nil {
		return nil, err
	}
	m := molecule.New(molecule.Config{Now: clock.Now, Rand: rand.NewChaCha8([32]byte{3})})
	return &World{
		Serve: vendorsim.Transport(m.Hosts()), Drivers: registry, Estate: e, Request: plan.Request{Secrets: []pawl.SecretName{molecule.Secret}},
		Own:      map[string]secret.Value{"fly": secret.NewString(m.FlyAdmin), "github": secret.NewString(m.GitHubAdmin)},
		Current:  map[pawl.SecretName]secret.Parts{molecule.Secret: secret.One(secret.NewString(m.Token))},
		Classify: classifySeed,
		Truth:    func() Truth { return seedTruth(m) },
		Lie:      func(kind string) { seedLies(m, kind) },
		Answer: func(*rotation.State, *plan.Step) (rotation.Entry, secret.Parts, bool) {
			return rotation.Entry{}, nil, false
		},
		Rotated: []string{m.Token},
	}, nil
}

func seedTruth(m *molecule.World) Truth {
	t := Truth{Canary: m.Values()}
	for _, id := range m.LiveDeployTokens() {
		value, _ := m.Fly.TokenValue(id)
		t.Live = append(t.Live, Credential{ID: id, Value: value, Initial: id == m.TokenID})
	}
	t.Places = []Place{
		{Name: "fly", Holds: m.AtFly(), Loaded: m.Loaded(), Works: m.Fly.Healthy(molecule.App)},
		{Name: "github", Holds: m.AtGitHub(), Loaded: m.AtGitHub(), Works: m.Fly.TokenAccepted(m.AtGitHub())},
	}
	return t
}

// seedLies makes both vendors lie about the next write.
func seedLies(m *molecule.World, kind string) {
	kinds := map[string]vendorsim.Kind{string(LieNothing): vendorsim.OKStoreNothing, string(LieEmpty): vendorsim.OKStoreEmpty, string(LieShort): vendorsim.OKStoreTruncated}
	m.Fly.Faults().Clear()
	m.GitHub.Faults().Clear()
	if lie, ok := kinds[kind]; ok {
		m.Fly.Faults().Add(vendorsim.Rule{Kind: lie})
		m.GitHub.Faults().Add(vendorsim.Rule{Kind: lie})
	}
}

// classifySeed says what a request to Fly, GitHub or the app is.
func classifySeed(req *http.Request) Call {
	path := req.URL.Path
	c := Call{Kind: Reads, Route: req.Method + " " + req.URL.Host + " " + pattern(path)}
	switch {
	case path == "/graphql":
		c.Kind, c.Route = graphqlKind(req)
	case req.Method == http.MethodGet:
	case strings.HasSuffix(path, "/dispatches"):
		c.Kind = Starts
	case strings.Contains(path, "/secrets"):
		c.Kind = Writes
	case strings.Contains(path, "/machines/"), strings.Contains(path, "/releases"):
		c.Kind = Activates
	}
	return c
}

// graphqlKind looks into the body for the operation.
func graphqlKind(req *http.Request) (CallKind, string) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return Reads, "graphql"
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case bytes.Contains(body, []byte("createLimitedAccessToken")):
		return Mints, "graphql mint"
	case bytes.Contains(body, []byte("deleteLimitedAccessToken")):
		return Revokes, "graphql revoke"
	case bytes.Contains(body, []byte("limitedAccessTokens")):
		return Lists, "graphql list"
	default:
		return Reads, "graphql read"
	}
}

// pattern leaves ids out of a path, so that a broken route is broken for all.
func pattern(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if len(p) > 12 && strings.ContainsAny(p, "0123456789") {
			parts[i] = "*"
		}
	}
	return strings.Join(slices.Compact(parts), "/")
}
