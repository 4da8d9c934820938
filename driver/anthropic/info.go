package anthropic

import (
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const (
	defaultBase = "https://api.anthropic.com"
	keysPage    = "https://platform.claude.com/settings/keys"
)

const kindKey = "api_key"

// revokeLag bounds how long a key that was disabled or archived may still be
// accepted. Anthropic publishes no number. Five minutes is pawl's own choice.
const revokeLag = 5 * time.Minute

const (
	pathMe        = "/v1/organizations/me"
	pathWorkspace = "/v1/organizations/workspaces/{workspace}"
	pathKeys      = "/v1/organizations/api_keys"
	pathKey       = "/v1/organizations/api_keys/{key}"
	pathModels    = "/v1/models"
)

// Info declares the driver.
func (*Driver) Info() driver.Info {
	return driver.Info{
		Spec: estate.Spec{
			Name:       "anthropic",
			Title:      "Anthropic",
			Credential: estate.NeedsCredential,
			Connection: []estate.Field{
				{Name: "base", Type: estate.String, URL: true, Default: defaultBase, Example: defaultBase, Doc: "Where the API is."},
			},
			Kinds: []estate.Kind{apiKey()},
		},
		Since:   "0.1",
		APIDocs: "https://platform.claude.com/docs/en/manage-claude/admin-api-keys",
		Calls:   calls(),
		Notes:   notes,
	}
}

func apiKey() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindKey,
		Doc: "An API key of a workspace. Anthropic has no call that makes one: a person does, at <" + keysPage + ">. Pawl tells which key was handed over, tries it, and disables and archives the old one.",
		Fields: []estate.Field{
			{Name: "workspace_id", Type: estate.String, Example: "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ",
				Doc: "The workspace that the key belongs to: a key of another one is not taken for it. Without it the keys of the whole organisation, which is the only way to name the default workspace."},
			{Name: "name", Type: estate.String, Default: "pawl-{{.Estate}}-{{.Secret}}-v{{.Version}}", Example: "acme-web-{{.Date}}",
				Doc: "The name that the person is asked to give the key. It may use {{.Date}}, {{.Estate}}, {{.Secret}}, {{.Environment}} and {{.Version}}."},
		},
		Identity: []string{"workspace_id"},
		Issuer: &estate.IssuerFacts{Mint: estate.ByPerson, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, Deactivates: true,
			Verifies: true, Identifies: true, RevokeLag: revokeLag,
			Forms: map[string]secret.Form{secret.Single: keyForm()}},
		Manual: manual()}
}

// keyForm is a key of the API (partial_key_hint in the Admin API's reference
// has its beginning). The Admin API's own keys, sk-ant-admin…, are not for
// applications.
func keyForm() secret.Form {
	return secret.Form{Looks: "begins with sk-ant-api and two digits", Pattern: `sk-ant-api[0-9]{2}-[A-Za-z0-9_-]{16,}`}
}

// manual is what a person does. The Admin key is never on a command line: curl
// reads the header from a file that only its owner can read.
func manual() estate.Manual {
	status := func(word string) string {
		return "curl {{sh .base \"" + pathKeys + "/APIKEY_ID\"}} -H 'anthropic-version: " + version + "' -H @admin-key.header --json '{\"status\":\"" + word +
			"\"}'   # admin-key.header has the line x-api-key: sk-ant-admin…"
	}
	return estate.Manual{
		"mint":       "Console, " + keysPage + ": Create Key{{with .workspace_id}}, workspace {{.}}{{end}}, name {{.name}}; copy it at once, it is not shown again",
		"deactivate": status(inactive),
		"revoke":     status(archived),
	}
}

// calls lists every operation that the driver uses.
func calls() []driver.Call {
	const adminKey = "an Admin key (sk-ant-admin…), which only a member with the admin role can make"
	return []driver.Call{
		{Method: "GET", Path: pathMe, Permission: adminKey, For: "probe"},
		{Method: "GET", Path: pathWorkspace, Permission: adminKey, For: kindKey + " probe, where the workspace is named"},
		{Method: "GET", Path: pathKeys, Permission: adminKey, For: kindKey + " list, identify and probe"},
		{Method: "GET", Path: pathKey, Permission: adminKey, For: kindKey + " deactivate, reactivate and revoke, to see whether the key is over"},
		{Method: "POST", Path: pathKey, Permission: adminKey, For: kindKey + " deactivate, reactivate and revoke"},
		{Method: "GET", Path: pathModels, Permission: "the API key itself", For: kindKey + " verify"},
	}
}

const notes = `### Who can make keys

Only a person can, in the Console; so also for the Admin key of the connection, which needs the admin role of the organisation and
can end any key in it. Individual accounts have no Admin API. Keys that act through workload identity federation live for minutes
and need no rotation at all: where a consumer can use it, that is the better way.

### Which key is it

Anthropic tells no id for a value. It lists the beginning and the last four characters of each key, and pawl finds the key that was
handed over by them. Where two keys have the same, the name must tell them apart; if it does not, a person is asked.

### Ending a key

Pawl sets the status first to inactive, which can be taken back, then to archived, which cannot. Keys are never deleted.
How long a disabled key is still accepted is not published; pawl waits five minutes before it calls that an error. A dead key
is answered with 401 and authentication_error; 403 is a key that lives and may not use what it is tried at. 429 and 529 say nothing
about a key.

### Last use

The Admin API does not tell when a key was last used. The Console shows it.`
