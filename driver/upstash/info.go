package upstash

import (
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/estate"
)

const defaultBase = "https://api.upstash.com/v2"

// The kinds.
const (
	kindPassword = "redis_password"
	kindACLUser  = "redis_acl_user"
	kindQStash   = "qstash_token"
	kindKey      = "developer_key"
)

// The parts of values.
const (
	partUser          = "user"
	partPassword      = "password"
	partToken         = "rest_token"
	partReadOnly      = "read_only_rest_token"
	partQueueToken    = "token"
	partQueueReadOnly = "read_only_token"
)

// The ways to try the value of a database.
const (
	byRedis = "redis"
	byREST  = "rest"
)

// maxKeys is how many Developer API keys an account may have (page "Getting
// Started").
const maxKeys = 37

// Info declares the driver.
func (*Driver) Info() driver.Info {
	return driver.Info{
		Spec: estate.Spec{
			Name:       "upstash",
			Title:      "Upstash",
			Credential: estate.NeedsCredential,
			Connection: []estate.Field{
				{Name: "base", Type: estate.String, URL: true, Default: defaultBase, Example: defaultBase, Doc: "Where Upstash's Developer API is."},
				{Name: "email", Type: estate.String, Example: "ops@example.com", Doc: "The account's email, where the credential is the key alone. Without it the credential is `email:key`."},
				{Name: "tls", Type: estate.String, Default: tcp.VerifyFull, Enum: tcp.Modes(), Doc: "What must be right about the certificates of databases. `disable` where something between pawl and Upstash does TLS."},
				{Name: "ca", Type: estate.String, Example: "-----BEGIN CERTIFICATE-----…", Doc: "Certificates of the authorities that sign those of databases, in PEM form. The machine's own without it."},
			},
			Kinds: []estate.Kind{redisPassword(), redisACLUser(), qstashToken(), developerKey()},
		},
		Since:   "0.1",
		APIDocs: "https://upstash.com/docs/devops/developer-api/introduction",
		Calls:   calls(),
		Notes:   notes,
	}
}

func databaseField() estate.Field {
	return estate.Field{Name: "database", Type: estate.String, Required: true, Example: "96ad0856-03b1-4ee7-9666-e81abd0349e1", Doc: "The database's id, as its page in the console has it in its address."}
}

// redisPassword is replaced: a reset leaves one password (resetPassword), and
// ends both REST tokens (page "REST API").
func redisPassword() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindPassword,
		Doc: "The password of a database's user `default` and both REST tokens, which Upstash resets together: the old ones end at once. Parts `password`, `rest_token` and `read_only_rest_token`.",
		Fields: []estate.Field{databaseField(),
			{Name: "verify_by", Type: estate.String, Default: byRedis, Enum: []string{byRedis, byREST}, Doc: "How pawl tries a value: by a login with the password, or by a call with the REST token where pawl cannot reach the database's port."},
		},
		Identity: []string{"database"},
		Manual: estate.Manual{
			"mint":   "In Upstash's console: Redis, the database {{.database}} > Details > Reset Credentials",
			"revoke": "In Upstash's console: Redis, the database {{.database}} > Details > Reset Credentials, which ends whatever password and tokens there are",
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.Replaced, Resets: true, Lists: true, Revokes: true, Verifies: true, Identifies: true,
			Parts: []string{partUser, partPassword, partToken, partReadOnly}}}
}

// login and cli are how a person gets to a database; ENDPOINT is on its page.
const (
	login = "read -rs REDISCLI_AUTH; export REDISCLI_AUTH   # the password of default, at the database {{.database}}\n"
	cli   = "redis-cli --tls -h ENDPOINT -p 6379"
)

// redisACLUser is side by side: a user may have several passwords (pages "ACL
// SETUSER" and "ACL GENTOKEN").
func redisACLUser() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindACLUser,
		Doc: "One more token for an ACL user of a database, on paid plans: as a password and as a REST token it is accepted beside the old one until that is removed. Parts `user` and `password`.",
		Fields: []estate.Field{databaseField(),
			{Name: "user", Type: estate.String, Required: true, Example: "app", Doc: "The user's name, not `default`. It must be there: what it may do is not pawl's business."},
		},
		Identity: []string{"database", "user"},
		Manual: estate.Manual{
			"mint":   login + cli + " ACL GENTOKEN {{sh .user}}\nread -rs VALUE; printf 'ACL SETUSER %s \">%s\"\\n' {{sh .user}} \"$VALUE\" | " + cli,
			"revoke": login + cli + " ACL GETUSER {{sh .user}}   # the SHA-256 of each token\nread -rs OLD; " + cli + " ACL SETUSER {{sh .user}} '!'\"$(printf %s \"$OLD\" | sha256sum | cut -d ' ' -f 1)\"",
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Lists: true, Revokes: true, Verifies: true, Identifies: true, Parts: []string{partUser, partPassword}}}
}

// qstashToken is replaced: the call "invalidates the old password and token"
// (resetQStashToken).
func qstashToken() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindQStash,
		Doc: "The token of QStash in one region, and the one that only reads, which Upstash resets together: the old ones end at once. Parts `token` and `read_only_token`.",
		Fields: []estate.Field{
			{Name: "user", Type: estate.String, Required: true, Example: "99a4c327-31f0-490f-a594-043ade84085a", Doc: "The id of the QStash user: `GET /v2/qstash/users` of the Developer API has one for each region."},
		},
		Identity: []string{"user"},
		Manual: estate.Manual{
			"mint":   "In Upstash's console: QStash, the region of {{.user}} > Reset Token",
			"revoke": "In Upstash's console: QStash, the region of {{.user}} > Reset Token, which ends whatever token there is",
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.Replaced, Resets: true, Lists: true, Revokes: true, Verifies: true, Identifies: true,
			Parts: []string{partQueueToken, partQueueReadOnly}}}
}

// developerKey is a person's: the Developer API has no call for its own keys.
func developerKey() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindKey,
		Doc: "A key of the Developer API itself. A person makes and deletes it in the console; pawl tries it.",
		Manual: estate.Manual{
			"mint":   "In Upstash's console: Account > Management API > Create API Key",
			"revoke": "In Upstash's console: Account > Management API, the old key > Delete",
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByPerson, Overlap: estate.SideBySide, MaxLive: maxKeys, Verifies: true}}
}
