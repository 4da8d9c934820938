package fly

import (
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const (
	defaultAPI     = "https://api.machines.dev"
	defaultGraphQL = "https://api.fly.io"
)

// The kinds.
const (
	kindDeploy = "deploy_token"
	kindOrg    = "org_token"
	kindSecret = "app_secret"
	kindHealth = "machines_health"
	kindLogs   = "logs"
	kindApps   = "apps"
)

// The activations.
const (
	rolling    = "rolling"
	immediate  = "immediate"
	nextDeploy = "next_deploy"
)

// longLife is flyctl's default: 20 years.
const longLife = 175200 * time.Hour

// revokeLag bounds how long a revoked token may still be taken. Fly publishes
// no number: verifiers cache and poll a feed of revocations (fly.io,
// "Operationalizing Macaroons"). One minute is pawl's own choice.
const revokeLag = time.Minute

// healthWithin is how long machines may take to be healthy again.
const healthWithin = 10 * time.Minute

// Info declares the driver.
func (*Driver) Info() driver.Info {
	return driver.Info{
		Spec: estate.Spec{
			Name:       "fly",
			Title:      "Fly.io",
			Credential: estate.NeedsCredential,
			Connection: []estate.Field{
				{Name: "org", Type: estate.String, Required: true, Example: "acme", Doc: "The organisation's slug, as `fly orgs list` shows it."},
				{Name: "api_base", Type: estate.String, URL: true, Default: defaultAPI, Example: "http://_api.internal:4280", Doc: "Where the Machines API is. Inside Fly's private network it is `http://_api.internal:4280`."},
				{Name: "graphql_base", Type: estate.String, URL: true, Default: defaultGraphQL, Example: defaultGraphQL, Doc: "Where the GraphQL API and the releases calls are."},
			},
			Kinds: []estate.Kind{deployToken(), orgToken(), appSecret(), rollApp(), awaitApp(), machinesHealth(), appLogs(), orgApps()},
		},
		Since:   "0.1",
		APIDocs: "https://fly.io/docs/machines/api/",
		Calls:   calls(),
		Notes:   notes,
	}
}

func deployToken() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindDeploy,
		Doc:      "A deploy token of one app: it can do everything to the app and nothing else. Only a person's session can mint one.",
		Fields:   append([]estate.Field{appField()}, tokenFields()...),
		Identity: []string{"app"},
		Manual: estate.Manual{
			"mint":   "flyctl auth login\nflyctl tokens create deploy --app {{.app}} --name {{sh .name}} --expiry {{.expiry}}   # copy the whole line, FlyV1 included",
			"revoke": "flyctl tokens list --app {{.app}}   # the id of the old one\nflyctl tokens revoke TOKEN_ID",
		},
		Issuer: tokenFacts()}
}

func orgToken() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindOrg,
		Doc:    "A token of the whole organisation: it can manage all its apps. Only a person's session can mint one.",
		Fields: tokenFields(),
		Manual: estate.Manual{
			"mint":   "flyctl auth login\nflyctl tokens create org --org {{.org}} --name {{sh .name}} --expiry {{.expiry}}   # copy the whole line, FlyV1 included",
			"revoke": "flyctl tokens list --scope org --org {{.org}}   # the id of the old one\nflyctl tokens revoke TOKEN_ID",
		},
		Issuer: tokenFacts()}
}

func tokenFacts() *estate.IssuerFacts {
	return &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, Verifies: true, Identifies: true, RevokeLag: revokeLag,
		Forms: map[string]secret.Form{secret.Single: tokenForm()}}
}

// tokenForm is a token as Fly shows it: the scheme and at least two macaroons,
// one that permits and one that proves who asks (fly-go, tokens package, has
// the prefixes; superfly/flyctl#5196 what a token without its end is answered).
func tokenForm() secret.Form {
	const one = `(?:fm1r|fm1a|fm2)_[A-Za-z0-9+/]+={0,2}`
	return secret.Form{Looks: "is the whole line: FlyV1, a space, and two or more of fm2_… with commas between them", Pattern: "FlyV1 " + one + "(?:," + one + ")*", Macaroons: 2}
}

func tokenFields() []estate.Field {
	return []estate.Field{
		{Name: "name", Type: estate.String, Default: "pawl-{{.Estate}}-{{.Secret}}-v{{.Version}}", Example: "acme-web-rotation-{{.Date}}",
			Doc: "The token's name at Fly. It may use {{.Date}}, {{.Estate}}, {{.Secret}}, {{.Environment}} and {{.Version}}. A token whose answer was lost is found again by its name, so the names of two versions should differ."},
		{Name: "expiry", Type: estate.Duration, Default: longLife, Example: "8760h",
			Doc: "How long the token lives if nobody revokes it. 175200h (20 years) is what flyctl gives."},
	}
}

func appField() estate.Field {
	return estate.Field{Name: "app", Type: estate.String, Required: true, Example: "acme-web", Doc: "The app's name."}
}

func appSecret() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindSecret,
		Doc: "A secret of an app. A write only stages it: machines read secrets when they boot.",
		Fields: []estate.Field{appField(),
			{Name: "name", Type: estate.String, Default: "{{secret}}", Example: "DATABASE_URL",
				Doc: "The secret's name, which is the name of the environment variable: letters, digits and underscores, not starting with a digit."}},
		Identity: []string{"app", "name"},
		Manual: estate.Manual{
			"put":      "read -rs VALUE; printf %s \"$VALUE\" | flyctl secrets set --app {{.app}} --stage {{.name}}=-   # the value is no argument, which others could read",
			rolling:    "flyctl secrets deploy --app {{.app}}",
			immediate:  "flyctl deploy --app {{.app}} --strategy immediate",
			nextDeploy: "flyctl deploy --app {{.app}}",
		},
		Location: &estate.LocationFacts{Confirm: estate.ByDigest, Removable: true, Activations: []estate.ActivationFact{
			{Kind: rolling, Doc: "Updates the app's machines one after the other, each with its own configuration, and goes on when the last one is started and its checks pass."},
			{Kind: immediate, Doc: "Updates all machines of the app, each with its own configuration, without waiting for one to be well before the next; done when all are started and their checks pass. The app is away meanwhile: for a value whose predecessor is dead already."},
			{Kind: nextDeploy, Waits: true, Doc: "Does nothing and waits until somebody has deployed: done when every machine has booted after the write."},
		}}}
}

func rollApp() estate.Kind {
	return estate.Kind{Role: estate.RoleActivation, Name: rolling,
		Doc:      "Updates the machines of an app that reads the value from somewhere else, one after the other, each with its own configuration, so that they boot again; goes on when the last one is started and its checks pass.",
		Fields:   []estate.Field{appField()},
		Identity: []string{"app"},
		Manual:   estate.Manual{rolling: "flyctl apps restart {{.app}}"}}
}

func awaitApp() estate.Kind {
	return estate.Kind{Role: estate.RoleActivation, Name: nextDeploy, Waits: true,
		Doc:      "Does nothing and waits until somebody has deployed an app that reads the value from somewhere else: done when every machine has booted after the write.",
		Fields:   []estate.Field{appField()},
		Identity: []string{"app"},
		Manual:   estate.Manual{nextDeploy: "flyctl deploy --app {{.app}}"}}
}

func machinesHealth() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindHealth,
		Doc:      "Passes when the app's machines are started and all their checks pass. Machines that Fly stops when they are idle may be stopped, but one must be started.",
		Fields:   []estate.Field{appField()},
		Identity: []string{"app"},
		Check:    &estate.CheckFacts{Within: healthWithin},
		Manual:   estate.Manual{"check": "flyctl status --app {{.app}}\nflyctl checks list --app {{.app}}"}}
}
