package neon

import (
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const defaultBase = "https://console.neon.tech/api/v2"

// The kinds.
const (
	kindKey      = "api_key"
	kindOrgKey   = "org_api_key"
	kindRole     = "role"
	kindPassword = "role_password"
	kindAuth     = "auth"
	kindBranch   = "branch"
)

// What a check of a branch expects.
const (
	expectPresent = "present"
	expectAbsent  = "absent"
)

// Info declares the driver.
func (*Driver) Info() driver.Info {
	return driver.Info{
		Spec: estate.Spec{
			Name:       "neon",
			Title:      "Neon",
			Credential: estate.NeedsCredential,
			Connection: []estate.Field{
				{Name: "base", Type: estate.String, URL: true, Default: defaultBase, Example: defaultBase, Doc: "Where Neon's API is."},
			},
			Kinds: []estate.Kind{personalKey(), orgKey(), secondRole(), rolePassword(), authCheck(), branchCheck()},
		},
		Since:   "0.1",
		APIDocs: "https://api-docs.neon.tech/reference/getting-started-with-neon-api",
		Calls:   calls(),
		Notes:   notes,
	}
}

// keyFacts are of "Manage API keys" and of the API description: any number of
// keys live side by side, none expires, each tells when it was last used, and
// revocation is immediate. The list has nothing of a key's value, so a value
// does not tell which key it is. Keys begin with napi_ since 31 January 2025;
// older ones, without it, stay valid (neon.com, changelog of that day).
func keyFacts() *estate.IssuerFacts {
	return &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, LastUsed: true, Verifies: true,
		Forms: map[string]secret.Form{secret.Single: {Looks: "begins with napi_, or is letters and digits alone where it is from before 2025", Pattern: `napi_[A-Za-z0-9_-]{16,}|[A-Za-z0-9]{32,}`}}}
}

func personalKey() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindKey,
		Doc:    "A key of the person whose key the connection has. It opens every project of that person and of their organisations.",
		Fields: []estate.Field{nameField("pawl-{{.Estate}}-{{.Secret}}-v{{.Version}}", "acme-web-rotation-{{.Date}}", "The key's name at Neon, up to 64 characters.")},
		Manual: estate.Manual{
			"mint":   "In Neon's console: Account settings > API keys > Create new API key, name {{.name}}",
			"revoke": "In Neon's console: Account settings > API keys, the old key > Revoke",
		},
		Issuer: keyFacts()}
}

func orgKey() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindOrgKey,
		Doc: "A key of an organisation, or with `project_id` of one of its projects alone. Only a personal key of an admin can make one.",
		Fields: []estate.Field{
			{Name: "org_id", Type: estate.String, Required: true, Example: "org-morning-bread-81040908", Doc: "The organisation's id, as its settings show it."},
			{Name: "project_id", Type: estate.String, Example: "shiny-wind-028834", Doc: "The only project that the key opens. Without it the key opens all projects of the organisation."},
			nameField("pawl-{{.Estate}}-{{.Secret}}-v{{.Version}}", "acme-web-rotation-{{.Date}}", "The key's name at Neon, up to 64 characters."),
		},
		Identity: []string{"org_id", "project_id"},
		Manual: estate.Manual{
			"mint":   "In Neon's console, in the organization {{.org_id}}: Settings > API keys > Create new, name {{.name}}",
			"revoke": "In Neon's console, in the organization {{.org_id}}: Settings > API keys, the old key > Revoke",
		},
		Issuer: keyFacts()}
}

func nameField(name, example, doc string) estate.Field {
	return estate.Field{Name: "name", Type: estate.String, Default: name, Example: example,
		Doc: doc + " It may use {{.Date}}, {{.Estate}}, {{.Secret}}, {{.Environment}} and {{.Version}}. What a lost answer has made is found again by its name, so the names of two versions should differ."}
}

func branchFields(more ...estate.Field) []estate.Field {
	return append([]estate.Field{
		{Name: "project", Type: estate.String, Required: true, Example: "shiny-wind-028834", Doc: "The project's id."},
		{Name: "branch", Type: estate.String, Required: true, Example: "br-aged-salad-637688", Doc: "The branch's id. Roles and passwords belong to one branch: others keep theirs."},
	}, more...)
}

// secondRole is side by side because each version is a role of its own.
func secondRole() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindRole,
		Doc:      "A role of its own for each version, with the parts `user` and `password`: both roles work until the old one is deleted. Making and deleting a role drops the connections of the branch's compute for a moment.",
		Fields:   branchFields(nameField("{{.Secret}}_v{{.Version}}", "app_v{{.Version}}", "The role's name, up to 54 bytes; pawl puts nine characters behind it, which keep it unique.")),
		Identity: []string{"project", "branch"},
		Manual: estate.Manual{
			"mint":   "In Neon's console, in the project {{.project}}: branch {{.branch}} > Roles & Databases > Add role, name {{.name}}",
			"revoke": "In Neon's console, in the project {{.project}}: branch {{.branch}} > Roles & Databases, the old role > Delete",
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, Verifies: true, Identifies: true,
			Parts: []string{partUser, partPassword}}}
}

// rolePassword is replaced: "The old password remains valid until last
// operation finishes" (resetProjectBranchRolePassword), which is seconds.
func rolePassword() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindPassword,
		Doc:      "The password of one role, which Neon resets: the old one ends seconds later, and connections are dropped. Use `role` where two roles can be had.",
		Fields:   branchFields(estate.Field{Name: "role", Type: estate.String, Required: true, Example: "neondb_owner", Doc: "The role's name."}),
		Identity: []string{"project", "branch", "role"},
		Manual: estate.Manual{
			"mint":   "In Neon's console, in the project {{.project}}: branch {{.branch}} > Roles & Databases > {{.role}} > Reset password",
			"revoke": "In Neon's console, in the project {{.project}}: branch {{.branch}} > Roles & Databases > {{.role}} > Reset password, which ends whatever password the role has",
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.Replaced, Resets: true, Lists: true, Revokes: true, Verifies: true, Identifies: true,
			Parts: []string{partUser, partPassword}}}
}

func authCheck() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindAuth,
		Doc:    "Passes when Neon takes the connection's own key. Where that is the secret itself (`credential: secret:NEON_API_KEY`), it shows that pawl works with the new one.",
		Manual: estate.Manual{"check": "curl -i {{sh .base \"" + pathAuth + "\"}} -H @credential.header   # status 200"},
		Check:  &estate.CheckFacts{Within: time.Minute}}
}

func branchCheck() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindBranch,
		Doc: "Passes when a project has a branch of a name and it is ready, or with `expect: absent` has none: what a service leaves that makes a branch for each customer.",
		Fields: []estate.Field{
			{Name: "project", Type: estate.String, Required: true, Example: "shiny-wind-028834", Doc: "The project's id."},
			{Name: "name", Type: estate.String, Required: true, Example: "tenant-keytest", Doc: "The branch's name, whole."},
			{Name: "expect", Type: estate.String, Default: expectPresent, Enum: []string{expectPresent, expectAbsent}, Doc: "Whether it must be there."},
		},
		Identity: []string{"project", "name"},
		Manual:   estate.Manual{"check": "In Neon's console, in the project {{.project}}: Branches, look for {{.name}}"},
		Check:    &estate.CheckFacts{Within: 10 * time.Minute}}
}
