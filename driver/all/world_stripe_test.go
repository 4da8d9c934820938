package all_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

const (
	shopHost = "shop.example.com"
	shopURL  = "https://" + shopHost + "/webhook"
)

// stripeWorld is an account with endpoints at two addresses, and a shop that
// takes events signed with the canary.
func stripeWorld(_ testing.TB, clock *drivertest.Clock) drivertest.World {
	s := stripe.New(stripe.Config{Now: clock.Now, PerSecond: 25})
	key := s.AddKey(stripe.Key{Restricted: true, Permissions: []string{"rak_webhook_write"}})
	id, _ := s.AddEndpoint(stripe.Endpoint{URL: shopURL, Events: []string{"customer.subscription.updated"}, APIVersion: "2026-03-25.dahlia", Description: "billing"})
	s.AddEndpoint(stripe.Endpoint{URL: "https://shop.example.com/other"})
	broken := false
	shop := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || broken || webhook.ValidatePayloadIgnoringTolerance(body, r.Header.Get("Stripe-Signature"), heldValue) != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	endpoints := func(url string) estate.Settings { return estate.Settings{"url": url} }
	return drivertest.World{
		Transport:  vendorsim.Transport(map[string]http.Handler{stripe.Host: s, shopHost: shop}),
		Settings:   estate.Settings{"base": "https://" + stripe.Host},
		Credential: secret.NewString(key),
		Cases: []drivertest.Case{
			{Role: estate.RoleIssuer, Kind: "secret_key", Settings: estate.Settings{"verify_path": "/v1/balance"}, Spare: func() (driver.Credential, secret.Parts) {
				return driver.Credential{}, secret.One(secret.NewString(s.AddKey(stripe.Key{})))
			}},
			{Role: estate.RoleIssuer, Kind: "secret_key", Name: "that is restricted", Settings: estate.Settings{"verify_path": "/v1/balance"}, Spare: func() (driver.Credential, secret.Parts) {
				return driver.Credential{}, secret.One(secret.NewString(s.AddKey(stripe.Key{Restricted: true})))
			}},
			{Role: estate.RoleIssuer, Kind: "webhook_secret", Settings: estate.Settings{"endpoint": id}, Spare: func() (driver.Credential, secret.Parts) {
				return driver.Credential{}, secret.One(secret.NewString(s.RollSecret(id, 0)))
			}},
			{Role: estate.RoleIssuer, Kind: "webhook_endpoint", Settings: endpoints(shopURL), Other: endpoints("https://shop.example.com/other")},
			{Role: estate.RoleCheck, Kind: "webhook_signed", Settings: estate.Settings{"url": shopURL, "api_version": "2026-03-25.dahlia"}, Break: func() { broken = true }},
		},
		Excuses: []drivertest.Excuse{
			{Act: "check", Fault: http.StatusText(http.StatusUnprocessableEntity), Absorbed: true, Why: "a consumer may refuse a signature with any refusal; it is what the check looks for"},
		},
	}
}
