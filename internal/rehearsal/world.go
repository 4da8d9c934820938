// Package rehearsal runs the real binary against simulated vendors: the world
// of the seed's coupled secret on loopback, with a home for pawl in a folder.
// The kill -9 test and the canaries stand on it.
package rehearsal

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/internal/leak"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/molecule"
)

// World is the vendors on loopback and a home for pawl.
type World struct {
	*molecule.World
	Dir     string
	File    string // the estate
	servers []*vendorsim.Server
}

// Options say how slow the world is and how long the old token soaks.
type Options struct {
	Soak time.Duration
	Run  time.Duration // of a workflow run
	Boot time.Duration // of a machine

	Front func(http.Handler) http.Handler // stands before each vendor; nil is nothing
}

// Start starts the vendors and writes the estate and pawl's own credentials
// into dir. The credentials are files with mode 0600, so that no child
// process has them in its environment.
func Start(dir string, o Options) (*World, error) {
	w := &World{World: molecule.New(molecule.Config{Now: time.Now, Rand: rand.Reader, Run: o.Run, Boot: o.Boot}), Dir: dir, File: filepath.Join(dir, "pawl.yaml")}
	urls := make([]any, 0, 3)
	for _, h := range []http.Handler{w.Fly, w.GitHub, w.Fly.AppHandler(molecule.App)} {
		if o.Front != nil {
			h = o.Front(h)
		}
		s, err := vendorsim.Listen(h)
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
		w.servers = append(w.servers, s)
		urls = append(urls, s.URL)
	}
	text := fmt.Sprintf(estateText, urls[0], urls[1], urls[2], o.Soak)
	err := errors.Join(os.WriteFile(w.File, []byte(text), 0o600),
		os.WriteFile(filepath.Join(dir, "fly.credential"), []byte(w.FlyAdmin), 0o600),
		os.WriteFile(filepath.Join(dir, "github.credential"), []byte(w.GitHubAdmin), 0o600))
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

const estateText = `pawl: 1
estate: molecule-prod
connections:
  fly:    {driver: fly, org: molecule, credential: "file:fly.credential", api_base: %[1]q, graphql_base: %[1]q}
  github: {driver: github, credential: "file:github.credential", base: %[2]q, runs_listed_within: 1s}
  cp:     {driver: http, base: %[3]q}
secrets:
  FLY_API_TOKEN:
    purpose: Any Fly Machines API call
    owner: platform
    issuer: {use: fly, kind: deploy_token, app: molecule-cp, name: "molecule-cp-rotation-{{.Date}}"}
    locations:
      - {use: fly, kind: app_secret, app: molecule-cp, activate: rolling}
      - {use: github, kind: actions_secret, repo: Molecule-AI/molecule-monorepo}
    checks:
      - {use: cp, kind: get, path: /health, status: 200}
      - {use: github, kind: workflow_run, repo: Molecule-AI/molecule-monorepo, workflow: publish-platform-image.yml, within: 20m}
    retire: {after: %[4]s}
    if_half_done: Image publish keeps shipping a stale latest tag, or provisioning fails with 401 while builds look green
`

// Close stops the vendors.
func (w *World) Close() error {
	var err error
	for _, s := range w.servers {
		err = errors.Join(err, s.Close())
	}
	return err
}

// Command makes a pawl process in this world. Its environment has no secret.
func (w *World) Command(ctx context.Context, binary string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, binary, append(args, "--file", w.File)...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.Dir, "PAWL_ACTOR=rehearsal"}
	return c
}

// Adopt gives pawl the token in place, on standard input.
func (w *World) Adopt(ctx context.Context, binary string) error {
	c := w.Command(ctx, binary, "provide", molecule.Secret, "--current")
	c.Stdin = strings.NewReader(w.Token + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("pawl provide: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// Violations holds the promises against the truth after a rotation that was
// done, and lists what is broken.
func (w *World) Violations() []string {
	var broken []string
	claim := func(ok bool, what string) {
		if !ok {
			broken = append(broken, what)
		}
	}
	live := w.LiveDeployTokens()
	claim(len(live) == 1, fmt.Sprintf("P2: %d deploy tokens live instead of one", len(live)))
	claim(!w.Fly.TokenAccepted(w.Token), "P1: the old token is still accepted")
	claim(w.AtFly() != "" && w.AtFly() != w.Token, "P5: the app's secret is not the new one")
	claim(w.AtGitHub() == w.AtFly(), "P5: the repository's secret is not the app's")
	claim(w.Loaded() == w.AtFly(), "P5: the machines do not run with the new one")
	claim(w.Fly.Healthy(molecule.App), "P1: the app is refused")
	return broken
}

// Orphans counts live tokens that no place holds.
func (w *World) Orphans() int {
	n := 0
	for _, id := range w.LiveDeployTokens() {
		v, _ := w.Fly.TokenValue(id)
		if !slices.Contains([]string{w.AtFly(), w.AtGitHub()}, v) {
			n++
		}
	}
	return n
}

// Leaks searches texts and every file below the home, but for the files that
// hold pawl's own credentials, for any credential of the world in any form.
func (w *World) Leaks(texts ...[]byte) ([]string, error) {
	var found []string
	finder := leak.NewFinder(w.Values()...)
	search := func(where string, text []byte) {
		if form := finder.Find(text); form != "" {
			found = append(found, fmt.Sprintf("%s (%s)", where, form))
		}
	}
	for _, text := range texts {
		search("output", text)
	}
	err := filepath.WalkDir(w.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".credential") {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		search(path, b)
		return err
	})
	return found, err
}
