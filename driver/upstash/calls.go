package upstash

import "github.com/pawlhq/pawl/driver"

// What the calls need. Upstash has no permissions but these: a key is an
// account's, and may be one that only reads.
const (
	anyKey  = "any key of the account"
	fullKey = "a key of the account that does not only read"
	itself  = "the value itself"
	asAdmin = "none: the user default of the database"
)

// The paths, below the connection's base, and those of other hosts.
const (
	pathTeams     = "/teams"
	pathDatabase  = "/redis/database/{id}"
	pathReset     = "/redis/reset-password/{id}"
	pathQueueUser = "/qstash/user/{id}"
	pathRotate    = "/qstash/rotate-token/{id}"
	pathPing      = "/ping"
	pathQueues    = "/v2/queues"
)

// calls lists every operation that the driver uses.
func calls() []driver.Call {
	return []driver.Call{
		{Method: "GET", Path: "/v2" + pathTeams, Permission: anyKey, For: "probe; " + kindKey + " verify, with the key itself"},
		{Method: "GET", Path: "/v2" + pathDatabase, Permission: fullKey, For: kindPassword + " and " + kindACLUser + ": every act; with credentials=hide to verify"},
		{Method: "POST", Path: "/v2" + pathReset, Permission: fullKey, For: kindPassword + " mint and revoke"},
		{Method: "GET", Path: "/v2" + pathQueueUser, Permission: fullKey, For: kindQStash + ": every act"},
		{Method: "POST", Path: "/v2" + pathRotate, Permission: fullKey, For: kindQStash + " mint and revoke"},
		{Method: "GET", Path: pathPing, Permission: itself, For: kindPassword + " verify by REST, at the database's host"},
		{Method: "GET", Path: pathQueues, Permission: itself, For: kindQStash + " verify, at the region's host"},
		{Method: "RESP", Path: "AUTH", Permission: "none", For: kindPassword + " and " + kindACLUser + " verify; " + kindACLUser + ": every act"},
		{Method: "RESP", Path: "ACL GETUSER", Permission: asAdmin, For: kindACLUser + ": every act but verify"},
		{Method: "RESP", Path: "ACL GENTOKEN", Permission: asAdmin, For: kindACLUser + " mint"},
		{Method: "RESP", Path: "ACL SETUSER", Permission: asAdmin, For: kindACLUser + " mint and revoke"},
		{Method: "RESP", Path: "ACL DRYRUN", Permission: asAdmin, For: kindACLUser + " probe"},
	}
}

const notes = `The Developer API takes an account's email and a key, which a person makes in the console (Account > Management API). Accounts that were
made through Vercel or Fly have no Developer API. The key opens everything of the account: keep it where nothing else is.

` + "```yaml" + `
connections:
  upstash: {driver: upstash, credential: env:UPSTASH_LOGIN}   # ops@example.com:the-key
` + "```" + `

### redis_password: there is no overlap

A reset ends the password and both REST tokens at once, also where a consumer uses only one of them: have one secret for the database, and
all its places in it. From the reset until consumers have the new value they cannot connect; whether Upstash cuts connections that are open it does
not say. The secret needs ` + "`policy: {accept_gap: true}`" + `. On a paid plan give consumers an ACL user instead, which has no gap.

The host and the port do not change, so they stand in the place's template:

` + "```yaml" + `
secrets:
  TENANT_REDIS_URL:
    parts: [password]
    issuer: {use: upstash, kind: redis_password, database: 96ad0856-03b1-4ee7-9666-e81abd0349e1}
    locations:
      - {use: fly, kind: app_secret, app: acme-web, name: TENANT_REDIS_URL, activate: rolling,
         render: "rediss://default:{{.password | urlquery}}@beloved-stallion-58500.upstash.io:6379"}
    checks:
      - {use: redis, kind: ping, url: "rediss://default:{{.password | urlquery}}@beloved-stallion-58500.upstash.io:6379"}
    policy: {accept_gap: true}
` + "```" + `

Upstash gives credentials back to a key that may read them. Where the answer to a reset is lost, pawl reads them and goes on; where pawl was killed in
the middle of it, it resets once more. "Revoke" means one more reset, whose credentials nobody gets to know: that is how a leaked password
is contained.

Pawl tries a value with a login over TLS at the database's port, which shows the password dead as consumers see it. Where that port cannot be reached,
` + "`verify_by: rest`" + ` tries the REST token, which is reset in the same call.

### redis_acl_user: old and new beside each other

The user must be there, on a plan with access control lists. Upstash takes no passwords but those of its own ` + "`ACL GENTOKEN`" + `, so the secret's
` + "`format`" + ` does not count. A token is the user's password and its REST token in one. Pawl logs in as ` + "`default`" + `, with the password that the
Developer API gives: a reset of that password does not disturb it. Where ` + "`default`" + ` is switched off, use the driver ` + "`redis`" + ` with a user that may
change others.

Removing a token ends no connection; the user's rules stay as they are.

### qstash_token

A QStash user is an account's QStash in one region. Its signing keys are others, which this kind does not touch. A reset leaves no
overlap. Upstash also has calls for a next token that is accepted beside the current one until it is rolled (` + "`next-token`" + `, ` + "`roll-token`" + `);
they are newer than the description that this driver follows, and it does not make them.

### How death shows

The password: WRONGPASS. REST tokens, QStash tokens and keys: 401. Anything else is not taken for a refusal. QStash does not know a token in
another region than its own; pawl asks in the region that the record names.`
