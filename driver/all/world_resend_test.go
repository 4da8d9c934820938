package all_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/resend"
)

// resendWorld is a team with two domains and an application that sends when it
// is told to. Deleted keys live on for a while, and emails take time.
func resendWorld(t testing.TB, clock *drivertest.Clock) drivertest.World {
	r := resend.New(resend.Config{Now: clock.Now, DeletionLag: 30 * time.Second, EmailLag: 2 * time.Second, Sending: 3 * time.Second,
		Delivering: 4 * time.Second, PerSecond: 5, DeadKeys: resend.AsObserved})
	site := r.AddDomain("acme.example", resend.Verified)
	r.AddDomain("docs.acme.example", resend.Verified)
	_, own := r.AddKey("ops", resend.FullAccess, "")
	_, app := r.AddKey("app", resend.SendingAccess, "acme.example")
	tried := r.AdoptKey("tried", resend.SendingAccess, drivertest.Canary)
	rejected := false
	sends := func(kind string) {
		if kind != "email_seen" {
			return
		}
		if err := r.Send(app, resend.Mail{From: "Acme <noreply@acme.example>", To: "owner@umbrella.example", Subject: "Your data was erased"}); err != nil {
			t.Fatal(err)
		}
		if all := r.Emails(); rejected {
			r.SetEvent(all[len(all)-1].ID, resend.Bounced)
		}
	}
	from := func(text string) estate.Settings { return estate.Settings{"from": text} }
	unverify := func() { r.SetDomain("acme.example", resend.Failed) }
	return drivertest.World{
		Transport:  vendorsim.Transport(map[string]http.Handler{resend.Host: r}),
		Settings:   estate.Settings{"base": "https://" + resend.Host},
		Credential: secret.NewString(own),
		Cases: []drivertest.Case{
			{Role: estate.RoleIssuer, Kind: "api_key", Name: "of full access", Settings: estate.Settings{"permission": "full_access"}},
			{Role: estate.RoleIssuer, Kind: "api_key", Name: "that may only send", Settings: estate.Settings{"permission": "sending_access", "domain_id": site},
				Other: estate.Settings{"permission": "sending_access"}, Hostile: []string{"permission", "domain_id"}},
			{Role: estate.RoleCheck, Kind: "domain_verified", Settings: from("Acme <noreply@acme.example>"), Other: from("docs.acme.example"), Hostile: []string{"from"}, Break: unverify},
			{Role: estate.RoleCheck, Kind: "domain_verified", Name: "of the value", Settings: from("Acme <{{.value}}@acme.example>"), Break: unverify},
			{Role: estate.RoleCheck, Kind: "email_seen", Settings: estate.Settings{"to": "owner@umbrella.example", "subject": "erased", "event": "delivered"},
				Outside: sends, Break: func() { rejected = true }},
			{Role: estate.RoleCheck, Kind: "send", Settings: estate.Settings{"from": "Acme <noreply@acme.example>", "to": "delivered@resend.dev", "subject": "Test", "event": "delivered"},
				Hostile: []string{"from"}, Break: func() { r.DeleteKey(tried); clock.Advance(time.Minute) }},
		},
	}
}
