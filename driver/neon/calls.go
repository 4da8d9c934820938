package neon

import "github.com/pawlhq/pawl/driver"

// What the calls need, in Neon's words: it has personal, organization and
// project-scoped keys, and admins of organizations.
const (
	anyKey   = "any API key"
	personal = "a personal API key"
	admin    = "a personal API key of an admin of the organization"
	member   = "a personal API key of a member, or an organization API key"
	ofOne    = "an API key that can access the project"
)

// The paths.
const (
	pathAuth       = "/auth"
	pathKeys       = "/api_keys"
	pathKey        = "/api_keys/{key_id}"
	pathOrgKeys    = "/organizations/{org_id}/api_keys"
	pathOrgKey     = "/organizations/{org_id}/api_keys/{key_id}"
	pathProject    = "/projects/{project_id}"
	pathOperations = "/projects/{project_id}/operations"
	pathBranches   = "/projects/{project_id}/branches"
	pathDatabases  = "/projects/{project_id}/branches/{branch_id}/databases"
	pathRoles      = "/projects/{project_id}/branches/{branch_id}/roles"
	pathRole       = "/projects/{project_id}/branches/{branch_id}/roles/{role_name}"
	pathReset      = "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/reset_password"
	pathReveal     = "/projects/{project_id}/branches/{branch_id}/roles/{role_name}/reveal_password"
)

// calls lists every operation that the driver uses. Paths are below /api/v2.
func calls() []driver.Call {
	const both, api = kindRole + " and " + kindPassword, "/api/v2"
	list := []driver.Call{
		{Method: "GET", Path: pathAuth, Permission: anyKey, For: kindKey + " and " + kindOrgKey + " verify, with the key itself; " + kindAuth + "; probe"},
		{Method: "GET", Path: pathKeys, Permission: personal, For: kindKey + " list, last use and probe; revoke, where Neon does not find the key"},
		{Method: "POST", Path: pathKeys, Permission: personal, For: kindKey + " mint"},
		{Method: "DELETE", Path: pathKey, Permission: personal, For: kindKey + " revoke"},
		{Method: "GET", Path: pathOrgKeys, Permission: member, For: kindOrgKey + " list, last use and probe; revoke, where Neon does not find the key"},
		{Method: "POST", Path: pathOrgKeys, Permission: admin, For: kindOrgKey + " mint"},
		{Method: "DELETE", Path: pathOrgKey, Permission: admin, For: kindOrgKey + " revoke"},
		{Method: "GET", Path: pathProject, Permission: ofOne, For: both + " probe"},
		{Method: "GET", Path: pathOperations, Permission: ofOne, For: both + " mint, verify and revoke"},
		{Method: "GET", Path: pathRoles, Permission: ofOne, For: kindRole + " list and probe; " + both + " verify, identify and revoke, where Neon does not find the role"},
		{Method: "POST", Path: pathRoles, Permission: ofOne, For: kindRole + " mint"},
		{Method: "GET", Path: pathRole, Permission: ofOne, For: kindPassword + " mint, list, revoke and probe; " + both + " identify, and mint whose answer was lost"},
		{Method: "DELETE", Path: pathRole, Permission: ofOne, For: kindRole + " revoke"},
		{Method: "POST", Path: pathReset, Permission: ofOne, For: kindPassword + " mint and revoke"},
		{Method: "GET", Path: pathReveal, Permission: ofOne, For: both + " verify and identify, and mint whose answer was lost"},
		{Method: "GET", Path: pathDatabases, Permission: ofOne, For: kindRole + " probe; revoke, where Neon refuses it"},
		{Method: "GET", Path: pathBranches, Permission: ofOne, For: kindBranch},
	}
	for i := range list {
		list[i].Path = api + list[i].Path
	}
	return list
}

const notes = `### Keys

The first key of an account comes from Neon's console. From then on a personal key can make its successor, also the one that the
connection itself works with:

` + "```yaml" + `
connections:
  neon: {driver: neon, credential: "secret:NEON_API_KEY"}
secrets:
  NEON_API_KEY:
    issuer: {use: neon, kind: api_key}
` + "```" + `

A key of an organisation or of a project can make no keys, not even its own successor: the connection then needs a personal key of
an admin, which is a secret to rotate too. Names of keys need not be unique and have at most 64 characters.

Neon shows a key once. Its list has names, times and the address of the last use, but nothing by which a value could be told, so for
a key that pawl did not make a person says once which one it is. A revoked key is refused at once with 401. Keys do not expire.

The last use that Neon tells has pawl's own use in it: verifying a key is a use. ` + "`old_unused`" + ` counts from there.

### Roles

Roles and their passwords belong to one branch. A branch that was made of it has copies of its own, which keep the old password
when the parent's is reset or its role is deleted.

Neon answers first and changes the database afterwards, by operations. A new password works, and an old one stops working, when the last
of them has ended. Pawl seals the new password at once and then asks until the operations are through; a project whose
operations take longer than two minutes holds the rotation. While operations run, Neon refuses other changes in the project with
423; pawl waits and comes again.

Making a role, deleting it and resetting a password all drop the connections of the branch's compute, and wake one that is idle.
Consumers must reconnect by themselves.

### role: a second role beside the first

Each version is a role: ` + "`app_v7_k3m2x7ab`" + `. The value has the parts ` + "`user`" + ` and ` + "`password`" + `; the host and the database do not change and
stand in the template of the location:

` + "```yaml" + `
locations:
  - {use: fly, kind: app_secret, app: acme-web, name: DATABASE_URL, activate: rolling,
     render: "postgresql://{{.user | urlquery}}:{{.password | urlquery}}@ep-little-smoke-851426.us-east-2.aws.neon.tech/neondb?sslmode=require"}
` + "```" + `

- Roles that are made by Neon's API are members of ` + "`neon_superuser`" + `: they read and write all data, also what other roles own. They do not
  own it, so migrations that change tables of the old role fail until ownership is shared: let one role without login own the
  database and its tables, and have the application ` + "`SET ROLE`" + ` to it.
- Neon deletes no role that owns a database. The first role of a project owns its first database: give that database another owner
  before the first rotation, or use ` + "`role_password`" + ` for that role.
- For roles with fewer rights use the driver ` + "`postgres`" + `, which makes them by SQL.

### role_password: one role, a new password

There is no overlap. The gap lasts from the end of Neon's operations until consumers have the new password. Where the answer to
a reset is lost, pawl reads the password back and goes on; where pawl was killed in the middle of it, it resets once more. A role has
one password, so nothing is left behind. "Revoke" means one more reset, whose password nobody gets
to know: that is how a leaked password is contained.

### What Neon's word is worth

Neon is asked which password it has stored for a role, and whether its last ` + "`apply_config`" + ` has come through. A password that was changed
by SQL behind Neon's back is not seen. The driver ` + "`postgres`" + ` has a check that logs in. Projects that do not store passwords cannot be
asked; preflight says so.`
