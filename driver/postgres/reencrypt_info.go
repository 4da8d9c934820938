package postgres

import (
	"time"

	"github.com/pawlhq/pawl/envelope/keytable"
	"github.com/pawlhq/pawl/estate"
)

// The formats that reencrypt writes.
const (
	formatEnvelope = "envelope"
	formatStatic   = "static"
)

// The ways in which a value holds the 32 bytes of a key.
const (
	keyHex    = "hex"
	keyBase64 = "base64"
	keySHA256 = "sha256"
)

// rewriteWithin is long: a rotation's migration may take days.
const rewriteWithin = 30 * 24 * time.Hour

func keyField() estate.Field {
	return estate.Field{Name: "value_encoding", Type: estate.String, Default: keyHex, Enum: []string{keyHex, keyBase64, keySHA256},
		Doc: "How the secret's value holds the 32 bytes of the key: as text, or as a passphrase of which the key is the SHA-256."}
}

func rewrite() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindRewrite,
		Doc: "Writes the encrypted columns of a table anew under the secret's new value, while the application reads and writes, and passes when a count finds none that is not. It is for `migrate`.",
		Fields: []estate.Field{
			{Name: "table", Type: estate.String, Required: true, Example: "org_instances", Doc: "The table, with its schema where that is not public."},
			{Name: "columns", Type: estate.List, Required: true, Example: "[database_url, redis_url]", Doc: "The encrypted columns, of type bytea, text or varchar."},
			{Name: "key", Type: estate.List, Example: "[org_id]", Doc: "The columns of the rows' key, of a unique index. The primary key without it."},
			{Name: "bind", Type: estate.String, Doc: "The table's name as the application binds it into values. The name as in `table` without it."},
			{Name: "scope", Type: estate.String, Doc: "The scope that the application binds into values."},
			{Name: "unbound", Type: estate.Boolean, Doc: "Values are not bound to their row's key."},
			{Name: "format", Type: estate.String, Default: formatEnvelope, Enum: []string{formatEnvelope, formatStatic},
				Doc: "What is written: sealed values of package envelope, or AES-GCM with the nonce in front, for applications that read nothing else. Both are read."},
			{Name: "encoding", Type: estate.String, Enum: []string{"hex", "base64", "base64url"}, Doc: "Of text columns, where `format` is `static`."},
			keyField(),
			{Name: "rate", Type: estate.Integer, Doc: "Rows a second, at most. No limit without it."},
			{Name: "fence", Type: estate.Boolean, Doc: "Have the database refuse older formats when nothing is left. It needs the table's owner."},
			{Name: "backups", Type: estate.Duration, Required: true, Example: "30d", Doc: "How long backups are kept. Those from before need the old value: the rotation waits for that before it ends it. `0s` where there are none."},
		},
		Identity: []string{"table", "columns"},
		Manual: estate.Manual{"check": "pawl reencrypt --table {{sh .table}}{{range .columns}} --column {{sh .}}{{end}}{{range .key}} --key {{sh .}}{{end}}{{with .bind}} --bind {{sh .}}{{end}}{{with .scope}} --scope {{sh .}}{{end}}{{if .unbound}} --unbound{{end}}" +
			" --format {{.format}}{{with .encoding}} --encoding {{.}}{{end}} --new-key env:NEW_KEY --old-key env:OLD_KEY{{with .rate}} --rate {{.}}{{end}}{{if .fence}} --fence{{end}}   # until its status is 0; DATABASE_URL and the keys, 64 hex digits each, are in the environment"},
		Check: &estate.CheckFacts{Acts: true, TakesValue: true, TakesAccepted: true, Within: rewriteWithin, Backups: "backups"}}
}

func rewrap() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindRewrap,
		Doc: "Wraps every data key of a key table anew under the secret's new value, which wraps data keys, and passes when none is left under the old one. No encrypted value is touched. It is for `migrate`.",
		Fields: []estate.Field{
			{Name: "table", Type: estate.String, Default: keytable.DefaultName, Doc: "The table of wrapped data keys."},
			keyField(),
			{Name: "backups", Type: estate.Duration, Required: true, Example: "30d", Doc: "How long backups of the key table are kept. Those from before need the old value: the rotation waits for that before it ends it. `0s` where there are none."},
		},
		Identity: []string{"table"},
		Manual:   estate.Manual{"check": "pawl reencrypt keys rewrap --key-table {{sh .table}} --keeper env:OLD_KEY --to env:NEW_KEY   # DATABASE_URL and the keys, 64 hex digits each, are in the environment"},
		Check:    &estate.CheckFacts{Acts: true, TakesValue: true, TakesAccepted: true, Within: rewriteWithin, Backups: "backups"}}
}
