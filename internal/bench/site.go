package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keyfile"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/connect"
	"github.com/pawlhq/pawl/internal/credential"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/runner/local"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/store/sqlite"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/molecule"
)

// site is some worlds of the seed's coupled secret, one estate over all of
// them, and one home with a store on disk.
type site struct {
	estate  *estate.Estate
	store   *sqlite.Store
	engine  *rotation.Engine
	vendors *vendors
	worlds  []*molecule.World
}

const siteConnections = `  fly-%[1]d: {driver: fly, org: molecule, credential: env:FLY_%[1]d, api_base: "https://fly-%[1]d.test", graphql_base: "https://fly-%[1]d.test"}
  github-%[1]d: {driver: github, credential: env:GITHUB_%[1]d, base: "https://github-%[1]d.test"}
  cp-%[1]d: {driver: http, base: "https://cp-%[1]d.test"}
`

const siteSecret = `  FLY_API_TOKEN_%[1]d:
    issuer: {use: fly-%[1]d, kind: deploy_token, app: molecule-cp, name: "molecule-cp-rotation-{{.Date}}"}
    locations:
      - {use: fly-%[1]d, kind: app_secret, app: molecule-cp, name: FLY_API_TOKEN, activate: rolling}
      - {use: github-%[1]d, kind: actions_secret, repo: Molecule-AI/molecule-monorepo, name: FLY_API_TOKEN}
    checks:
      - {use: cp-%[1]d, kind: get, path: /health, status: 200}
      - {use: github-%[1]d, kind: workflow_run, repo: Molecule-AI/molecule-monorepo, workflow: publish-platform-image.yml, within: 20m}
    retire: {after: 0s}
`

// newSite builds a site of n secrets in dir. The clock is real when c is nil.
func newSite(ctx context.Context, dir string, n int, latency time.Duration, c *clock) (*site, error) {
	s := &site{}
	now := time.Now
	if c != nil {
		now = c.now
	}
	hosts, own := map[string]http.Handler{}, map[string]string{}
	var connections, secrets strings.Builder
	for i := range n {
		w := molecule.New(molecule.Config{Now: now, Rand: rand.Reader})
		s.worlds = append(s.worlds, w)
		hosts[fmt.Sprintf("fly-%d.test", i)], hosts[fmt.Sprintf("github-%d.test", i)] = w.Fly, w.GitHub
		hosts[fmt.Sprintf("cp-%d.test", i)] = w.Fly.AppHandler(molecule.App)
		own[fmt.Sprintf("FLY_%d", i)], own[fmt.Sprintf("GITHUB_%d", i)] = w.FlyAdmin, w.GitHubAdmin
		fmt.Fprintf(&connections, siteConnections, i)
		fmt.Fprintf(&secrets, siteSecret, i)
	}
	var err error
	text := "pawl: 1\nestate: bench\nconnections:\n" + connections.String() + "secrets:\n" + secrets.String()
	if s.estate, err = estate.Parse("pawl.yaml", []byte(text), all.Drivers()); err != nil {
		return nil, err
	}
	s.vendors = &vendors{next: vendorsim.Transport(hosts), latency: latency}
	return s, s.home(ctx, dir, own, c)
}

// home makes the store and the engine over it.
func (s *site) home(ctx context.Context, dir string, own map[string]string, c *clock) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	keeper, err := keyfile.Create(filepath.Join(dir, "key"))
	if err != nil {
		return err
	}
	if s.store, err = sqlite.Open(ctx, filepath.Join(dir, "pawl.db"), sqlite.Options{}); err != nil {
		return err
	}
	key, err := envelope.NewDataKey(ctx, keeper, 1, "pawl", time.Now(), rand.Reader)
	if err != nil {
		return err
	}
	if err := s.store.AddDataKey(ctx, key); err != nil {
		return err
	}
	ring, err := envelope.OpenRing(ctx, []envelope.Keeper{keeper}, []envelope.DataKey{key})
	if err != nil {
		return err
	}
	ports := &connect.Connector{Registry: all.Drivers(), Resolver: &credential.Resolver{Dir: dir, Getenv: func(k string) string { return own[k] }},
		Transport: s.vendors, Log: slog.New(slog.DiscardHandler), Dir: dir}
	s.engine = &rotation.Engine{Store: s.store, Ports: ports, Vault: ring, Now: time.Now, Holder: local.Process()}
	if c != nil {
		ports.Now, ports.Wait = c.now, c.wait
		s.engine.Now, s.engine.Sleep = c.now, c.sleep
	}
	for i, w := range s.worlds {
		if err := s.engine.Adopt(ctx, name(i), secret.One(secret.NewString(w.Token)), nil, "bench"); err != nil {
			return err
		}
	}
	s.vendors.taken()
	return nil
}

func name(i int) pawl.SecretName { return pawl.SecretName(fmt.Sprintf("FLY_API_TOKEN_%d", i)) }

func (s *site) close() error { return s.store.Close() }

// plan plans one secret.
func (s *site) plan(ctx context.Context, i int) (*plan.Plan, error) {
	names := []pawl.SecretName{name(i)}
	observed, err := rotation.Observe(ctx, s.store, names)
	if err != nil {
		return nil, err
	}
	return plan.Make(s.estate, plan.Request{Secrets: names}, observed, s.engine.Now())
}

// rotate turns the first n secrets side by side, as pawl rotate does.
func (s *site) rotate(ctx context.Context, n int) error {
	batches := make([]local.Batch, n)
	for i := range batches {
		p, err := s.plan(ctx, i)
		if err != nil {
			return err
		}
		batches[i].Plan = p
	}
	var failed error
	for i, r := range (&local.Runner{Engine: s.engine, Actor: "bench"}).Rotate(ctx, batches) {
		switch {
		case r.Err != nil:
			failed = errors.Join(failed, r.Err)
		case r.State.Outcome != pawl.Done:
			failed = errors.Join(failed, fmt.Errorf("%s is %s: %s", name(i), r.State.Outcome, r.State.Why))
		}
	}
	return failed
}
