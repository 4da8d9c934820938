package all_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/github"
)

// formOf gives what values of an issuing kind look like.
func formOf(t *testing.T, driver, kind string) secret.Form {
	t.Helper()
	spec, _ := all.Drivers().Spec(driver)
	k, ok := spec.Kind(estate.RoleIssuer, kind)
	if !ok || k.Issuer.Forms[secret.Single].Pattern == "" {
		t.Fatalf("%s %s declares no form", driver, kind)
	}
	return k.Issuer.Forms[secret.Single]
}

// TestAValueOfAnotherVendorIsRefused holds every declared form against values
// of each vendor: its own are taken, all others are not.
func TestAValueOfAnotherVendorIsRefused(t *testing.T) {
	rest := strings.Repeat("a1B2", 12)
	site := fly.New(fly.Config{})
	site.AddOrg("acme")
	site.AddApp("acme", "web", "TOKEN")
	_, token := site.AddDeployToken("web", "first", time.Hour)
	hub := github.New(github.Config{})
	values := map[string][]string{
		"fly deploy_token":        {token},
		"github pat":              {hub.AddToken(github.Token{Kind: github.Classic, Login: "ops"}), hub.AddToken(github.Token{Kind: github.FineGrained, Login: "ops"})},
		"neon api_key":            {"napi_" + rest},
		"resend api_key":          {"re_" + rest[:8] + "_" + rest[:24]},
		"anthropic api_key":       {"sk-ant-api03-" + rest + "_x-AA"},
		"stripe secret_key":       {"sk_live_51" + rest, "rk_live_51" + rest, "sk_test_51" + rest, "sk_org_" + rest},
		"stripe webhook_secret":   {"whsec_" + rest[:32]},
		"":                        {"sk-ant-admin01-" + rest, "pk_live_51" + rest, "xoxb-1234-" + rest, "postgres://u:" + rest + "@host/db", "ghp_", "re_", "napi_short"},
		"stripe webhook_endpoint": nil,
		"fly org_token":           nil,
		"neon org_api_key":        nil,
	}
	same := map[string]string{"stripe webhook_endpoint": "stripe webhook_secret", "fly org_token": "fly deploy_token", "neon org_api_key": "neon api_key"}
	for of := range values {
		if of == "" {
			continue
		}
		driver, kind, _ := strings.Cut(of, " ")
		form := formOf(t, driver, kind)
		own := of
		if same[of] != "" {
			own = same[of]
		}
		for from, list := range values {
			for i, v := range list {
				if err := form.Check(secret.NewString(v)); (err == nil) != (from == own) {
					t.Errorf("%s with value %d of %q: %v", of, i, from, err)
				}
			}
		}
	}
}

// TestEveryFormIsTried holds that no form is declared which the test above does
// not know.
func TestEveryFormIsTried(t *testing.T) {
	known := "fly deploy_token, fly org_token, github pat, neon api_key, neon org_api_key, resend api_key, anthropic api_key, stripe secret_key, stripe webhook_secret, stripe webhook_endpoint"
	for _, d := range all.Drivers() {
		for _, k := range d.Info().Kinds {
			if name := d.Info().Name + " " + k.Name; k.Issuer != nil && len(k.Issuer.Forms) > 0 && !strings.Contains(known, name) {
				t.Errorf("%s declares a form that is not tried here", name)
			}
		}
	}
}

// TestTruncatedTokenIsRefusedBeforeItIsWritten cuts a Fly token at each of its
// characters: Fly answers any of those like a token that was revoked, so the
// cut must be seen before the value is taken.
func TestTruncatedTokenIsRefusedBeforeItIsWritten(t *testing.T) {
	site := fly.New(fly.Config{})
	site.AddOrg("acme")
	site.AddApp("acme", "web", "TOKEN")
	_, token := site.AddDeployToken("web", "first", time.Hour)
	form := formOf(t, "fly", "deploy_token")
	if err := secret.Pasted(secret.NewString(token), secret.Format{}, form); err != nil {
		t.Fatal(err)
	}
	for n := range token {
		if secret.Pasted(secret.NewString(token[:n]), secret.Format{}, form) == nil {
			t.Errorf("%d of %d characters are taken for a token", n, len(token))
		}
	}
	if n := strings.LastIndex(token, ","); secret.Pasted(secret.NewString(token[:n]+"\n"+token[n:]), secret.Format{}, form) == nil {
		t.Error("a token with a line break in it is taken")
	}
}
