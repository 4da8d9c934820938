package github

import (
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// DefaultBase is where github.com serves its REST API. A GitHub Enterprise
// Server serves it at https://HOST/api/v3.
const DefaultBase = "https://api.github.com"

// maxSecret is the longest secret that GitHub takes, in bytes before sealing
// (docs.github.com, "Secrets reference": 48 KB).
const maxSecret = 48 * 1024

// Whose secrets an organisation's are.
const (
	appActions    = "actions"
	appDependabot = "dependabot"
)

// The kinds.
const (
	kindRepo          = "actions_secret"
	kindOrg           = "actions_org_secret"
	kindEnvironment   = "actions_environment_secret"
	kindDependabot    = "dependabot_secret"
	kindDependabotOrg = "dependabot_org_secret"
	kindRun           = "workflow_run"
	kindDrain         = "queued_runs"
	kindPAT           = "pat"
)

// listDelay is how late a new run may be in a list. GitHub publishes no bound:
// runs are made from events, one after the other, and people report some
// seconds, up to ten or so (Codex-/return-dispatch#183, remorses/actions-cli#8).
// 30 seconds is pawl's own choice.
const listDelay = 30 * time.Second

// runWithin is how long a workflow run may take unless the estate says more.
const runWithin = 30 * time.Minute

// revokeLag bounds how long GitHub may take to act on a revocation: it answers
// 202 Accepted, and publishes no bound. Ten minutes is pawl's own choice.
const revokeLag = 10 * time.Minute

func spec() estate.Spec {
	return estate.Spec{
		Name:       "github",
		Title:      "GitHub",
		Credential: estate.NeedsCredential,
		Connection: []estate.Field{
			{Name: "base", Type: estate.String, URL: true, Default: DefaultBase, Example: "https://github.example.com/api/v3",
				Doc: "Where the REST API is. Set it for GitHub Enterprise Server only."},
			{Name: "runs_listed_within", Type: estate.Duration, Default: listDelay, Example: "2m",
				Doc: "How late a new workflow run may be in GitHub's lists. The check `queued_runs` does not pass sooner after the write than this."},
		},
		Kinds: []estate.Kind{
			actionsSecret(), actionsOrgSecret(), environmentSecret(), dependabotSecret(), dependabotOrgSecret(),
			workflowRun(), queuedRuns(), pat(),
		},
	}
}

func actionsSecret() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindRepo,
		Doc:      "A secret of a repository, which its workflows read when a run is queued.",
		Fields:   []estate.Field{repoField(true), nameField()},
		Identity: []string{"repo", "name"},
		Manual:   byHand("--repo {{.repo}}"),
		Location: writeOnly(kindDrain)}
}

func actionsOrgSecret() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindOrg,
		Doc:      "A secret of an organisation, which workflows of its repositories read when a run is queued. A write never changes which repositories see it.",
		Fields:   append([]estate.Field{orgField(true), nameField()}, visibilityFields()...),
		Identity: []string{"org", "name"},
		Manual:   byHand("--org {{.org}} " + audience),
		Location: writeOnly(kindDrain)}
}

func environmentSecret() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindEnvironment,
		Doc: "A secret of one environment of a repository, read when a job that names the environment starts. It hides a secret of the same name of the repository or organisation.",
		Fields: []estate.Field{repoField(true),
			{Name: "environment", Type: estate.String, Required: true, Example: "production", Doc: "The environment's name. It must exist."},
			nameField()},
		Identity: []string{"repo", "environment", "name"},
		Manual:   byHand("--repo {{.repo}} --env {{sh .environment}}"),
		Location: writeOnly(kindDrain)}
}

func dependabotSecret() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindDependabot,
		Doc:      "A Dependabot secret of a repository. Dependabot's own jobs, and workflows that it triggers, see these instead of Actions secrets; those runs are waited for like all others.",
		Fields:   []estate.Field{repoField(true), nameField()},
		Identity: []string{"repo", "name"},
		Manual:   byHand("--app dependabot --repo {{.repo}}"),
		Location: writeOnly(kindDrain)}
}

func dependabotOrgSecret() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindDependabotOrg,
		Doc:      "A Dependabot secret of an organisation. A write never changes which repositories see it.",
		Fields:   append([]estate.Field{orgField(true), nameField()}, visibilityFields()...),
		Identity: []string{"org", "name"},
		Manual:   byHand("--app dependabot --org {{.org}} " + audience),
		Location: dependabotOnly(writeOnly(kindDrain))}
}

// writeOnly is what all secrets at GitHub have in common: they can be
// written, and the time of the last write is all that can be read.
func writeOnly(drain string) *estate.LocationFacts {
	return &estate.LocationFacts{Confirm: estate.ByTimestamp, Removable: true, Live: true, Drain: drain, MaxBytes: maxSecret}
}

// dependabotOnly makes the drain ask who sees the Dependabot secret: one of
// Actions may have the same name and other readers.
func dependabotOnly(f *estate.LocationFacts) *estate.LocationFacts {
	f.DrainWith = estate.Settings{"app": appDependabot}
	return f
}

// audience repeats who sees a secret of an organisation: gh sets it with every
// write.
const audience = "--visibility {{.visibility}}{{if .selected_repository_ids}} --repos NAMES{{end}}"

// byHand is how gh writes a secret: it asks for the value and seals it.
func byHand(where string) estate.Manual {
	return estate.Manual{"put": "gh secret set {{.name}} " + where}
}

func workflowRun() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindRun,
		Doc: "Starts a workflow and waits until it is done. It passes when the run's conclusion is success. The workflow must have the trigger `workflow_dispatch`.",
		Fields: []estate.Field{repoField(true),
			{Name: "workflow", Type: estate.String, Required: true, Example: "publish.yml", Doc: "The workflow's file name, without its folder."},
			{Name: "ref", Type: estate.String, Default: "main", Example: "main", Doc: "The branch or tag to run it on."},
			{Name: "inputs", Type: estate.Map, Doc: "The workflow's inputs. GitHub shows them to everybody who may see the run: never put a value here."}},
		Identity: []string{"repo", "workflow", "ref"},
		Manual: estate.Manual{"check": "gh workflow run {{sh .workflow}} --repo {{.repo}} --ref {{sh .ref}}{{range $name, $text := .inputs}} -f {{sh $name \"=\" $text}}{{end}}\n" +
			"gh run list --repo {{.repo}} --workflow {{sh .workflow}} --limit 5   # wait for success"},
		Check: &estate.CheckFacts{Acts: true, Within: runWithin}}
}

func queuedRuns() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindDrain,
		Doc: "Passes when no workflow run is left that was created before the write and is not completed. Such a run still uses the old value. Give `repo`, or `org` and `name` for all repositories that see a secret of an organisation. With `environment` only runs count that have a job under way which was started before the write.",
		Fields: []estate.Field{repoField(false), orgField(false),
			{Name: "environment", Type: estate.String, Example: "production", Doc: "The environment whose secret was written, with `repo`: jobs read it when they start."},
			{Name: "name", Type: estate.String, Example: "DEPLOY_TOKEN", Doc: "The secret's name, with `org`."},
			{Name: "app", Type: estate.String, Default: appActions, Enum: []string{appActions, appDependabot}, Doc: "Whose secret it is, with `org`: one of Actions, or of Dependabot."}},
		Identity: []string{"repo", "org", "environment", "name"},
		Manual: estate.Manual{"check": "for s in requested pending queued waiting in_progress; do gh run list --repo {{with .repo}}{{.}}{{else}}EACH_REPOSITORY_OF_{{.org}}{{end}} --status $s --json url,createdAt; done" +
			"   # none may be left from before the write"},
		Check: &estate.CheckFacts{Within: 7 * 24 * time.Hour}}
}

func pat() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindPAT,
		Doc: "A personal access token, classic or fine-grained. GitHub has no call that makes one: a person does, at <https://github.com/settings/tokens>. Pawl can verify it and revoke the old one.",
		Manual: estate.Manual{
			"mint":   "At " + tokensPage + ": Generate new token, with the permissions of the old one; copy it at once, it is not shown again",
			"revoke": "At " + tokensPage + ": the old one, Delete",
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByPerson, Overlap: estate.SideBySide, Revokes: true, Verifies: true, Identifies: true,
			RevokeLag: revokeLag, Forms: map[string]secret.Form{secret.Single: tokenForm()}}}
}

// tokenForm is every form that Identify knows.
func tokenForm() secret.Form {
	return secret.Form{Looks: "begins with ghp_ or github_pat_, or is 40 hexadecimal digits where it is from before April 2021", Pattern: prefixed.String() + "|" + unprefixed.String()}
}

func repoField(required bool) estate.Field {
	return estate.Field{Name: "repo", Type: estate.String, Required: required, Example: "acme/site", Doc: "The repository, as owner/name."}
}

func orgField(required bool) estate.Field {
	return estate.Field{Name: "org", Type: estate.String, Required: required, Example: "acme", Doc: "The organisation's login."}
}

func nameField() estate.Field {
	return estate.Field{Name: "name", Type: estate.String, Default: "{{secret}}", Example: "DEPLOY_TOKEN",
		Doc: "The secret's name at GitHub: letters, digits and underscores, not starting with a digit or with GITHUB_."}
}

func visibilityFields() []estate.Field {
	return []estate.Field{
		{Name: "visibility", Type: estate.String, Default: "private", Enum: []string{"all", "private", "selected"},
			Doc: "Who sees the secret. Used only when the secret is not there yet; one that is keeps what it has."},
		{Name: "selected_repository_ids", Type: estate.List, Example: "1296269",
			Doc: "Numeric ids of the repositories that see it, with visibility selected. Used only when the secret is not there yet."},
	}
}

// Info declares the driver.
func (*Driver) Info() driver.Info {
	return driver.Info{
		Spec:    spec(),
		Since:   "0.1",
		APIDocs: "https://docs.github.com/rest?apiVersion=" + apiVersion,
		Calls:   calls(),
		Notes:   notes,
	}
}
