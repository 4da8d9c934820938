package resend

import (
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const defaultBase = "https://api.resend.com"

// The kinds.
const (
	kindKey    = "api_key"
	kindDomain = "domain_verified"
	kindSeen   = "email_seen"
	kindSend   = "send"
)

// Resend's words.
const (
	fullAccess     = "full_access"
	sendingAccess  = "sending_access"
	statusVerified = "verified"
	eventSent      = "sent"
	eventDelivered = "delivered"
)

// testAddress is Resend's own: what is sent there is delivered and bothers
// nobody ("Send test emails").
const testAddress = "delivered@resend.dev"

// revokeLag bounds how long a deleted key may still be taken. Resend does not
// say that deletion takes effect at once; a minute is pawl's own choice.
const revokeLag = time.Minute

// Info declares the driver.
func (*Driver) Info() driver.Info {
	return driver.Info{
		Spec: estate.Spec{
			Name:       "resend",
			Title:      "Resend",
			Credential: estate.NeedsCredential,
			Connection: []estate.Field{
				{Name: "base", Type: estate.String, URL: true, Default: defaultBase, Example: defaultBase, Doc: "Where Resend's API is."},
			},
			Kinds: []estate.Kind{apiKey(), domainVerified(), emailSeen(), send()},
		},
		Since:   "0.1",
		APIDocs: "https://resend.com/docs/api-reference/introduction",
		Calls:   calls(),
		Notes:   notes,
	}
}

// apiKey is not identified by its value: the list has nothing of it.
func apiKey() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindKey,
		Doc: "An API key of the team. Resend does not tell what a key may do, so the estate must: the new key gets what is written here.",
		Fields: []estate.Field{
			{Name: "permission", Type: estate.String, Required: true, Enum: []string{fullAccess, sendingAccess}, Example: sendingAccess,
				Doc: "What the key may do: everything, or send emails and nothing else. Take what the key in use has."},
			{Name: "domain_id", Type: estate.String, Example: "d91cd9bd-1176-453e-8fc1-35364d380206",
				Doc: "The id of the only domain that the key may send from, with `permission: sending_access`. Without it the key sends from all."},
			{Name: "name", Type: estate.String, Default: "pawl-{{.Estate}}-{{.Secret}}-v{{.Version}}", Example: "acme-web-rotation-{{.Date}}",
				Doc: "The key's name at Resend, up to 50 characters. It may use {{.Date}}, {{.Estate}}, {{.Secret}}, {{.Environment}} and {{.Version}}. What a lost answer has made is found again by its name, so the names of two versions should differ."},
		},
		Manual: estate.Manual{
			"mint":   "At https://resend.com/api-keys: Create API Key, name {{.name}}, permission {{.permission}}{{with .domain_id}}, the domain with the id {{.}}{{end}}; copy the key, it is shown once",
			"revoke": "At https://resend.com/api-keys: the old key > Delete API Key",
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, LastUsed: true, Verifies: true,
			RevokeLag: revokeLag, // the prefix is in every example of the API's reference
			Forms:     map[string]secret.Form{secret.Single: {Looks: "begins with re_", Pattern: `re_[A-Za-z0-9_-]{8,}`}}}}
}

func domainVerified() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindDomain,
		Doc: "Passes when the domain of a From line is verified at Resend and may send. Without `from` the secret's value is the From line.",
		Fields: []estate.Field{
			{Name: "from", Type: estate.Template, Example: "Acme <noreply@acme.example>",
				Doc: "The From line, or the domain alone; or a template over the secret's parts that gives it. Without it the value itself."},
		},
		Identity: []string{"from"},
		Manual:   estate.Manual{"check": "At https://resend.com/domains: the domain of the From line has the status Verified"},
		Check:    &estate.CheckFacts{TakesValue: true, Within: 2 * time.Minute}}
}

func emailSeen() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindSeen,
		Doc: "Passes when Resend has an email that was made since the check began and went out. It sends nothing: somebody else must.",
		Fields: []estate.Field{
			{Name: "to", Type: estate.String, Required: true, Example: "ops@acme.example", Doc: "The address of one of its recipients."},
			{Name: "from", Type: estate.String, Example: "noreply@acme.example", Doc: "The address of its sender."},
			{Name: "subject", Type: estate.String, Example: "Your data was erased", Doc: "Text that is in its subject."},
			eventField(eventSent),
		},
		Identity: []string{"to", "from", "subject"},
		Manual:   estate.Manual{"check": "Have the application send an email, and look for it at https://resend.com/emails within a minute"},
		Check:    &estate.CheckFacts{Within: time.Minute}}
}

func send() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindSend,
		Doc: "Sends an email with the secret's value as the key, and passes when Resend says that it went out.",
		Fields: []estate.Field{
			{Name: "from", Type: estate.String, Required: true, Example: "Acme <noreply@acme.example>", Doc: "The From line. Its domain must be verified, and the key's own where it has one."},
			{Name: "to", Type: estate.String, Default: testAddress, Example: "ops@acme.example", Doc: "The recipient. The default is Resend's address for tests, which bothers nobody."},
			{Name: "subject", Type: estate.String, Default: "Pawl: test of a new API key", Doc: "The subject."},
			eventField(eventDelivered),
		},
		Identity: []string{"from", "to"},
		Manual:   estate.Manual{"check": "Send an email from {{.from}} to {{.to}} with the new key, and look for it at https://resend.com/emails"},
		Check:    &estate.CheckFacts{Acts: true, TakesValue: true, Within: 2 * time.Minute}}
}

func eventField(fallback string) estate.Field {
	return estate.Field{Name: "event", Type: estate.String, Default: fallback, Enum: []string{eventSent, eventDelivered},
		Doc: "How far it must have come: `sent`, on its way to the recipient's server, or `delivered`, taken by it."}
}
