package redis

import (
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/estate"
)

// The kinds.
const (
	kindUser        = "acl_user"
	kindRequirepass = "requirepass"
	kindPing        = "ping"
)

const checkWithin = 5 * time.Minute

// Info declares the driver.
func (*Driver) Info() driver.Info {
	return driver.Info{
		Spec: estate.Spec{
			Name:       "redis",
			Title:      "Redis",
			Credential: estate.OptionalCredential,
			Connection: []estate.Field{
				{Name: "host", Type: estate.String, Required: true, Example: "cache.example.com", Doc: "The server's name or address."},
				{Name: "port", Type: estate.Integer, Default: defaultPort, Doc: "The server's port."},
				{Name: "user", Type: estate.String, Default: defaultUser, Doc: "The user that pawl logs in as. The connection's credential is its password."},
				{Name: "tls", Type: estate.String, Default: tcp.VerifyFull, Enum: tcp.Modes(), Doc: "Whether there is TLS, and what must be right about the server's certificate. `disable` where the server listens in a private network without TLS."},
				{Name: "ca", Type: estate.String, Example: "-----BEGIN CERTIFICATE-----…", Doc: "Certificates of the authorities that sign the server's, in PEM form. The machine's own without it."},
			},
			Kinds: []estate.Kind{aclUser(), requirepass(), ping()},
		},
		Since:   "0.1",
		APIDocs: "https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/",
		Calls:   calls(),
		Notes:   notes,
	}
}

// The parts of what a person types. The password of the connection's user is
// in the environment, where redis-cli looks for it; a new password is in no
// argument, which others could read.
const (
	server = `redis-cli{{if ne .tls "` + tcp.Disable + `"}} --tls{{end}} -h {{sh .host}} -p {{.port}}`
	cli    = server + " --user {{sh .connection.user}}"
	login  = "read -rs REDISCLI_AUTH; export REDISCLI_AUTH   # the password of {{line .connection.user}}\n"
	digest = "sha256sum | cut -d ' ' -f 1"
	kept   = `{{if eq .persist "` + persistConfig + `"}}` + "\n" + cli + ` CONFIG REWRITE{{else if ne .persist "` + persistNothing + `"}}` + "\n" + cli + ` ACL SAVE{{if eq .persist "` + persistAuto + `"}}   # CONFIG REWRITE where there is no file of users{{end}}{{end}}`
)

// aclUser can have any number of passwords (documentation, "ACL SETUSER").
func aclUser() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindUser,
		Doc: "One more password for a user of the access control list. Old and new are accepted beside each other until the old one is removed.",
		Fields: []estate.Field{
			{Name: "user", Type: estate.String, Required: true, Example: "app", Doc: "The user's name. It must be there: what it may do is not pawl's business."},
			{Name: "gentoken", Type: estate.Boolean, Default: false, Doc: "Take a token of the server's making (`ACL GENTOKEN`), for Upstash, which takes no others. The secret's `format` does not count then."},
			persist(),
		},
		Identity: []string{"user"},
		Manual: estate.Manual{
			"mint": login + "{{if .gentoken}}" + cli + " ACL GENTOKEN {{sh .user}}\nread -rs VALUE; printf 'ACL SETUSER %s \">%s\"\\n' {{sh .user}} \"$VALUE\" | " + cli +
				"{{else}}{{.draw}}\nread -rs VALUE; " + cli + " ACL SETUSER {{sh .user}} \"#$(printf %s \"$VALUE\" | " + digest + ")\"{{end}}" + kept,
			"revoke": login + cli + " ACL GETUSER {{sh .user}}   # the SHA-256 of each password\nread -rs OLD; " + cli + " ACL SETUSER {{sh .user}} '!'\"$(printf %s \"$OLD\" | " + digest + ")\"" + kept,
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Lists: true, Revokes: true, Verifies: true, Identifies: true}}
}

func requirepass() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindRequirepass,
		Doc:    "The one password of the default user (`requirepass`). The old one is refused at once; clients that are connected stay so.",
		Fields: []estate.Field{persist()},
		Manual: estate.Manual{"mint": login + "{{.draw}}\nread -rs VALUE; printf 'CONFIG SET requirepass \"%s\"\\n' \"$VALUE\" | " + cli +
			`{{if eq .persist "` + persistConfig + `" "` + persistAuto + `"}}` + "\nread -rs REDISCLI_AUTH   # the new password\n" + cli + " CONFIG REWRITE{{end}}"},
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.Replaced, Resets: true, Verifies: true}}
}

func persist() estate.Field {
	return estate.Field{Name: "persist", Type: estate.String, Default: persistAuto, Enum: []string{persistAuto, persistFile, persistConfig, persistNothing},
		Doc: "How a change outlives a restart of the server. `auto` is ACL SAVE where the server has a file of users, CONFIG REWRITE where it has none, and nothing where it does not tell."}
}

func ping() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindPing,
		Doc: "Passes when a login with the value itself works and the server answers.",
		Fields: []estate.Field{
			{Name: "user", Type: estate.String, Default: defaultUser, Example: "app", Doc: "The name to log in with."},
			{Name: "password", Type: estate.Template, Example: "{{.value}}", Doc: "The password. The value itself without it."},
			{Name: "url", Type: estate.Template, Example: "{{.value}}", Doc: "A whole URL as the application has it, `redis://user:password@host:port/0` or `rediss://…`, instead of user and password."},
		},
		Identity: []string{"user"},
		Manual:   estate.Manual{"check": "read -rs REDISCLI_AUTH; export REDISCLI_AUTH   # the new password\n" + server + " --user {{sh .user}} PING"},
		Check:    &estate.CheckFacts{TakesValue: true, Within: checkWithin}}
}

func calls() []driver.Call {
	return []driver.Call{
		{Method: "RESP", Path: "AUTH", Permission: "none", For: "every connection, verify, the check"},
		{Method: "RESP", Path: "PING", Permission: "+ping", For: "probe, the check"},
		{Method: "RESP", Path: "ACL GETUSER", Permission: "+acl|getuser", For: "acl_user: every act but verify"},
		{Method: "RESP", Path: "ACL SETUSER", Permission: "+acl|setuser", For: "acl_user: mint and revoke"},
		{Method: "RESP", Path: "ACL GENTOKEN", Permission: "Upstash's own command", For: "acl_user: mint with gentoken"},
		{Method: "RESP", Path: "ACL DRYRUN", Permission: "+acl|dryrun", For: "probe"},
		{Method: "RESP", Path: "ACL SAVE", Permission: "+acl|save", For: "keeping changes, where the server has a file of users"},
		{Method: "RESP", Path: "CONFIG GET aclfile", Permission: "+config|get", For: "finding out how changes are kept"},
		{Method: "RESP", Path: "CONFIG REWRITE", Permission: "+config|rewrite", For: "keeping changes, where the server has no file of users"},
		{Method: "RESP", Path: "CONFIG SET requirepass", Permission: "+config|set", For: "requirepass: mint"},
		{Method: "RESP", Path: "INFO server", Permission: "+info", For: "telling a server without a configuration file from one that cannot write it"},
	}
}

const notes = `- ` + "`acl_user`" + ` is the way without a gap: a user may have several passwords. Pawl adds the new one by its SHA-256 (` + "`#hash`" + `), so the password is in no
  command, and removes the old one by its hash (` + "`!hash`" + `). It never deletes a user: that would cut its connections.
- The id of a credential is the first four digits of the SHA-256 that Redis itself shows in ` + "`ACL GETUSER`" + `. It stands in the journal, and is short
  so that a weak password that somebody chose cannot be told from other guesses by it. Where an id could mean two passwords, pawl removes neither.
- Removing a password ends no connection: clients that have logged in with it stay. Redis tells of no password when it was last used. Who still tries the old one shows
  in ` + "`ACL LOG`" + `, with the user, the client's address and the time; look there after the old one was removed.
- ` + "`requirepass`" + ` has a gap: from the change on the old password is refused to new connections. Prefer a user of its own.
- A user with ` + "`nopass`" + ` takes every password. Pawl gives it none: the first one would shut out all clients that send none.
- What is not kept is lost when the server restarts. Where the server has neither a file of users nor a configuration file, nothing is kept; a managed server keeps
  its users itself.
- Upstash: users beside ` + "`default`" + ` on paid plans, with ` + "`gentoken: true`" + ` and TLS; the default user's password is changed by the driver upstash.
- The death of a password shows as WRONGPASS. A user that is switched off is answered in the same way.
- Replicas and cluster nodes have users of their own: Redis does not copy them. Have a connection and an issuer for each node, or a file of users that your tools spread.
`
