package all_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
)

// anthropicWorld is an organisation with two workspaces, a key in each, and a
// change of status that takes a minute to be known.
func anthropicWorld(_ testing.TB, clock *drivertest.Clock) drivertest.World {
	a := anthropic.New(anthropic.Config{Now: clock.Now, StatusLag: time.Minute, PageCap: 2})
	web, batch := a.AddWorkspace("web"), a.AddWorkspace("batch")
	for _, w := range []string{web, batch, web} {
		a.CreateKey(anthropic.Key{Name: "in use", Workspace: w})
	}
	archived, _ := a.CreateKey(anthropic.Key{Name: "over", Workspace: web})
	a.SetStatus(archived, anthropic.Archived)
	spare := func(workspace string) func() (driver.Credential, secret.Parts) {
		return func() (driver.Credential, secret.Parts) {
			id, value := a.CreateKey(anthropic.Key{Name: "spare", Workspace: workspace})
			return driver.Credential{ID: id, Name: "spare"}, secret.One(secret.NewString(value))
		}
	}
	return drivertest.World{
		Transport:    vendorsim.Transport(map[string]http.Handler{anthropic.Host: a}),
		Settings:     estate.Settings{"base": "https://" + anthropic.Host},
		Credential:   secret.NewString(a.AddAdminKey()),
		ValueHeaders: []string{"X-Api-Key"},
		Cases: []drivertest.Case{
			{Role: estate.RoleIssuer, Kind: "api_key", Settings: estate.Settings{"workspace_id": web}, Other: estate.Settings{"workspace_id": batch}, Spare: spare(web)},
			{Role: estate.RoleIssuer, Kind: "api_key", Name: "of the organisation", Settings: estate.Settings{}, Spare: spare("")},
		},
	}
}
