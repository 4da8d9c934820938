package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

type initOptions struct {
	name, secret, org, app, repo, workflow, health string
	force                                          bool
}

// initQuestions are the questions of init: the flag, what is asked, and the
// answer that Enter gives.
func (o *initOptions) questions() []struct {
	into            *string
	flag, ask, deft string
} {
	return []struct {
		into            *string
		flag, ask, deft string
	}{
		{&o.name, "name", "Name of the estate", "my-estate"},
		{&o.secret, "secret", "Name of the first secret", "FLY_API_TOKEN"},
		{&o.org, "org", "Fly organisation", "personal"},
		{&o.app, "app", "Fly app that reads it", "my-app"},
		{&o.repo, "repo", "GitHub repository whose Actions read it (owner/name)", "my-org/my-repo"},
		{&o.workflow, "workflow", "workflow that proves it", "deploy.yml"},
		{&o.health, "health", "base URL of the app's health check", "https://my-app.fly.dev"},
	}
}

func initCommand(a *App) *cobra.Command {
	o := initOptions{}
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a commented pawl.yaml to start from, and make the store",
		Long: `Init writes an estate with one secret that lives in two places, commented line
by line, and makes the store and its key beside it. On a terminal it asks;
otherwise it takes flags, or defaults that you edit.`,
		Example: `  pawl init
  pawl init --name shop-prod --org shop --app shop-api --repo shop/api --workflow deploy.yml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.init(cmd.Context(), cmd, &o) },
	}
	for _, q := range o.questions() {
		c.Flags().StringVar(q.into, q.flag, "", q.ask)
	}
	c.Flags().BoolVar(&o.force, "force", false, "overwrite an existing file")
	return c
}

func (a *App) init(ctx context.Context, cmd *cobra.Command, o *initOptions) error {
	path := a.file()
	if _, err := os.Stat(path); err == nil && !o.force {
		return &pawl.Error{Code: pawl.CodeConflict, Op: "write", On: path, Why: "it is there already", Next: "pawl validate, or pawl init --force to overwrite it"}
	}
	if err := a.fillIn(ctx, cmd, o); err != nil {
		return err
	}
	text := o.text()
	if _, err := estate.Parse(path, []byte(text), a.Registry); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return &pawl.Error{Code: pawl.CodeFailed, Op: "write", On: path, Err: err}
	}
	h, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	key := filepath.Join(a.dir(), "key")
	if a.keeper() != "" {
		key = "the keeper's key"
	}
	a.say("wrote %s, and made the store in %s\nkeep %s safe: without it the store cannot be opened", path, a.dir(), key)
	a.say("next: edit %s; then pawl validate, pawl doctor, pawl plan %s", path, o.secret)
	return a.print(map[string]any{"file": path, "dir": a.dir()}, func() error { return nil })
}

// fillIn asks for what no flag gave; where nobody can be asked, defaults do.
func (a *App) fillIn(ctx context.Context, cmd *cobra.Command, o *initOptions) error {
	in := bufio.NewReader(a.Streams.In)
	for _, q := range o.questions() {
		if cmd.Flags().Changed(q.flag) {
			continue
		}
		*q.into = q.deft
		if !a.Streams.InTTY {
			continue
		}
		fmt.Fprintf(a.Streams.Err, "%s [%s]: ", q.ask, q.deft)
		line, err := interruptible(ctx, func() (string, error) { return in.ReadString('\n') })
		if err != nil && line == "" {
			fmt.Fprintln(a.Streams.Err) // the cursor stands after the question
			return &pawl.Error{Code: pawl.CodeInterrupted, Op: "init", Why: "no answer; nothing was written", Next: "pawl init, and give what you know by flags: pawl init --help"}
		}
		if line = strings.TrimSpace(line); line != "" {
			*q.into = line
		}
	}
	return o.plain()
}

// plain refuses answers that YAML would read as something else.
func (o *initOptions) plain() error {
	word := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/-]*$`)
	for _, q := range o.questions() {
		if !word.MatchString(*q.into) {
			return usageError{fmt.Errorf("--%s: %q has characters that do not belong there", q.flag, *q.into)}
		}
	}
	if owner, name, ok := strings.Cut(o.repo, "/"); !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return usageError{fmt.Errorf("--repo: %q is not owner/name", o.repo)}
	}
	return nil
}

// text is the estate that init writes.
func (o *initOptions) text() string {
	r := strings.NewReplacer("NAME", o.name, "SECRET", o.secret, "ORG", o.org, "APP", o.app, "REPO", o.repo, "WORKFLOW", o.workflow, "HEALTH", o.health)
	return r.Replace(`# An estate: what secrets there are, who issues them, every place where a copy
# lives, who reads it, and what proves that it works. Values are never in here.
# Editors complete this file with: pawl schema > pawl.schema.json
# yaml-language-server: $schema=pawl.schema.json
pawl: 1
estate: NAME

# How pawl reaches each account. A credential is a reference: env:VARIABLE,
# file:path, exec:command, or secret:NAME for a secret of this estate.
connections:
  fly:    {driver: fly, org: ORG, credential: env:FLY_ADMIN_TOKEN}
  github: {driver: github, credential: env:GITHUB_ADMIN_TOKEN}
  app:    {driver: http, base: HEALTH}

secrets:
  SECRET:
    purpose: Deploys of APP
    owner: platform
    # Where versions are minted and ended. The name lets pawl find a token
    # whose answer was lost. Minting needs a logged-in user's token at Fly.
    issuer: {use: fly, kind: deploy_token, app: APP, name: "APP-rotation-{{.Date}}"}
    # Every place that holds a copy, in the order in which they are written.
    # Each is confirmed, and its consumers have loaded it, before the next.
    locations:
      - {use: fly, kind: app_secret, app: APP, activate: rolling}
      - {use: github, kind: actions_secret, repo: REPO}
    # What proves that the new version works: before, after and at the end.
    checks:
      - {use: app, kind: get, path: /health, status: 200}
      - {use: github, kind: workflow_run, repo: REPO, workflow: WORKFLOW, within: 20m}
    # The old version lives this long after everything passed.
    retire: {after: 1h}
    policy: {every: 90d, window: "Sun 02:00-06:00 UTC"}
    if_half_done: Say here what breaks, and who notices, when only one place has the new value
`)
}
