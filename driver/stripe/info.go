package stripe

import (
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// DefaultBase is where Stripe serves its API.
const DefaultBase = "https://api.stripe.com"

// The kinds.
const (
	kindKey      = "secret_key"
	kindSecret   = "webhook_secret"
	kindEndpoint = "webhook_endpoint"
	checkSigned  = "webhook_signed"
)

// defaultVerify is the call that Stripe's own examples try a key with. Every
// secret key may make it; a restricted one needs the permission for balances.
const defaultVerify = "/v1/balance"

// webhooksPage is where a person rolls signing secrets.
const webhooksPage = "https://dashboard.stripe.com/webhooks"

const (
	// keyWindow is the longest time that a rotated key lives on ("API keys",
	// "Rotate an API key": now, or up to 7 days).
	keyWindow = 7 * 24 * time.Hour
	// secretWindow is the same for a signing secret ("Receive Stripe events in
	// your webhook endpoint", "Roll endpoint signing secrets": up to 24 hours,
	// with one signature for each secret).
	secretWindow = 24 * time.Hour
)

const signedWithin = 10 * time.Minute

// pageOf is where a person does what pawl cannot.
func pageOf(kind string) string {
	if kind == kindKey {
		return keysPage
	}
	return webhooksPage
}

func spec() estate.Spec {
	return estate.Spec{
		Name:       "stripe",
		Title:      "Stripe",
		Credential: estate.OptionalCredential,
		Connection: []estate.Field{
			{Name: "base", Type: estate.String, URL: true, Default: DefaultBase, Example: "https://api.stripe.com", Doc: "Where the API is. There is no reason to set it but a test."},
		},
		Kinds: []estate.Kind{secretKey(), webhookSecret(), webhookEndpoint(), webhookSigned()},
	}
}

func secretKey() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindKey,
		Doc: "An API key, secret (`sk_`) or restricted (`rk_`). Stripe has no public call that makes or ends one: a person rotates it at <" + keysPage + ">, and Stripe ends the old one when the time that was chosen there is over. Needs no credential.",
		Fields: []estate.Field{
			{Name: "verify_path", Type: estate.String, Default: defaultVerify, Example: "/v1/customers?limit=1",
				Doc: "The path of a GET that tells whether a key is alive. A restricted key that may not make it is alive too, and says so with 403; a path that it may read keeps its request log clean."},
		},
		Issuer: &estate.IssuerFacts{Mint: estate.ByPerson, Overlap: estate.IssuerWindow, Window: keyWindow, Verifies: true,
			Forms: map[string]secret.Form{secret.Single: keyForm()}},
		Manual: estate.Manual{
			"mint":   "Dashboard, " + keysPage + ": the key's ⋯, Rotate key, Expiration in 7 days (never Now: that ends the old key at once); copy the new key, it is shown once",
			"revoke": "Dashboard, " + keysPage + ": the old key's ⋯, Expire key, once its request log shows no more calls; or wait until the time chosen at the rotation is over",
		}}
}

// keyForm is a secret or restricted key, of a mode or of an organisation
// (docs.stripe.com/keys; publishable keys, pk_, are no secret).
func keyForm() secret.Form {
	return secret.Form{Looks: "begins with sk_live_, sk_test_, rk_live_, rk_test_ or sk_org_", Pattern: `(?:[sr]k_(?:live|test)|sk_org)_[A-Za-z0-9_]{8,}`}
}

// signingForm is the secret of an endpoint (docs.stripe.com/webhooks).
func signingForm() secret.Form {
	return secret.Form{Looks: "begins with whsec_", Pattern: `whsec_[A-Za-z0-9+/=_-]{8,}`}
}

func webhookSecret() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindSecret,
		Doc: "The signing secret (`whsec_`) of one webhook endpoint, rolled in place by a person at <" + webhooksPage + ">. Stripe signs with the old and the new one until the time that was chosen there is over, at most a day. A connection with a key looks whether the endpoint is there.",
		Fields: []estate.Field{
			{Name: "endpoint", Type: estate.String, Required: true, Example: "we_1NFtEh2eZvKYlo2CFRvwuk3M", Doc: "The id of the endpoint."},
		},
		Identity: []string{"endpoint"},
		Issuer:   &estate.IssuerFacts{Mint: estate.ByPerson, Overlap: estate.IssuerWindow, Window: secretWindow, Forms: map[string]secret.Form{secret.Single: signingForm()}},
		Manual: estate.Manual{
			"mint":   "Dashboard, " + webhooksPage + "/{{.endpoint}}: ⋯, Roll secret, expire the current secret in 24 hours; then reveal the new one and copy it",
			"revoke": "Wait until the time chosen at the roll is over, at most 24 hours; Stripe then signs with the new secret alone",
		}}
}

func webhookEndpoint() estate.Kind {
	return estate.Kind{Role: estate.RoleIssuer, Name: kindEndpoint,
		Doc: "A webhook endpoint of its own for each version of a signing secret (`whsec_`), made by the API beside the old one: same URL, same events. Until the old one ends, each event arrives twice.",
		Fields: []estate.Field{
			{Name: "url", Type: estate.String, Required: true, Example: "https://app.example.com/webhooks/stripe", Doc: "Where the events go. Endpoints of the account with exactly this URL are the secret's versions."},
			{Name: "name", Type: estate.String, Default: "pawl-{{.Estate}}-{{.Secret}}-v{{.Version}}", Example: "acme-billing-{{.Date}}",
				Doc: "The version's name, kept in the endpoint's metadata as pawl_name. It may use {{.Date}}, {{.Estate}}, {{.Secret}}, {{.Environment}} and {{.Version}}. What a lost answer has made is found again by it, so the names of two versions should differ."},
			{Name: "events", Type: estate.List, Example: "[customer.subscription.updated]", Doc: "The events. Without it those of the endpoint that is replaced."},
			{Name: "api_version", Type: estate.String, Example: sdk.APIVersion, Doc: "The version of Stripe's API that events are written in. Without it that of the endpoint that is replaced."},
			{Name: "description", Type: estate.String, Example: "billing", Doc: "The description. Without it that of the endpoint that is replaced."},
			{Name: "metadata", Type: estate.Map, Example: "{team: billing}", Doc: "Metadata beside that of the endpoint that is replaced. Never a value."},
			{Name: "connect", Type: estate.Boolean, Doc: "Whether events of connected accounts are sent instead of the account's own. Stripe does not tell it of the endpoint that is replaced, so it must be said."},
		},
		Identity: []string{"url"},
		// 16 is the usual limit of an account in each mode; Stripe raises it
		// for some.
		Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, MaxLive: usualLimit, Named: true, Lists: true, Revokes: true, Deactivates: true,
			Forms: map[string]secret.Form{secret.Single: signingForm()}},
		Manual: estate.Manual{
			"mint":       "stripe webhook_endpoints create --live -d {{sh \"url=\" .url}}{{range .events}} -d {{sh \"enabled_events[]=\" .}}{{end}}   # the answer's secret is shown once",
			"deactivate": "stripe webhook_endpoints update --live WE_ID -d disabled=true",
			"revoke":     "stripe webhook_endpoints delete --live WE_ID",
		}}
}

func webhookSigned() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: checkSigned,
		Doc: "Sends the consumer a test event (`customer.subscription.updated`, `livemode` false) that is signed with the new secret, and expects a success; before that the same event signed with a secret that nobody has issued, and expects a refusal. Needs no credential.",
		Fields: []estate.Field{
			{Name: "url", Type: estate.String, Required: true, Example: "https://app.example.com/webhooks/stripe", Doc: "Where the consumer takes events."},
			{Name: "api_version", Type: estate.String, Default: sdk.APIVersion, Example: sdk.APIVersion, Doc: "The version that the event says it is written in. Stripe's SDKs refuse events of another release than their own: give the endpoint's."},
			{Name: "customer", Type: estate.String, Example: "cus_NffrFeUfNV2Hib", Doc: "The customer in the event. Without it one that does not exist."},
			{Name: "subscription", Type: estate.String, Example: "sub_1MowQVLkdIwHu7ixeRlqHVzs", Doc: "The subscription in the event. Without it one that does not exist."},
		},
		Identity: []string{"url"},
		Check:    &estate.CheckFacts{Acts: true, TakesValue: true, Within: signedWithin},
		Manual: estate.Manual{
			"check": "stripe events resend EVT_ID --live --webhook-endpoint WE_ID   # then the endpoint's page must show a success of {{line .url}}",
		}}
}
