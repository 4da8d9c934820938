package all_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
)

// flyWorld is an organisation with two apps. Replicas lag, machines take time
// to boot, and the checks of a machine fail at first.
func flyWorld(t testing.TB, clock *drivertest.Clock) drivertest.World {
	f := fly.New(fly.Config{Now: clock.Now, RevocationLag: 30 * time.Second, ReplicaLag: 5 * time.Second,
		Replacing: 3 * time.Second, Starting: 2 * time.Second, Checking: 10 * time.Second, RateLimits: true})
	f.AddOrg("acme")
	f.AddApp("acme", "web", "FLY_API_TOKEN")
	f.AddApp("acme", "idle", "")
	f.AddApp("acme", "tenant-template", "")
	f.AddApp("acme", "tenant-one", "")
	f.AddApp("acme", "tenant-two", "")
	f.AddOrg("umbrella")
	f.AddApp("umbrella", "tenant-three", "")
	_, used := f.AddDeployToken("web", "in use", time.Hour*24*365)
	f.SetSecret("web", "FLY_API_TOKEN", used)
	f.AddMachines("web", 2)
	session := f.AddUserToken("acme", "owner@example.com")
	transport := vendorsim.Transport(map[string]http.Handler{fly.MachinesHost: f, fly.APIHost: f})
	logged := "secrets reloaded"
	deploy := func() { flyDeploy(t, transport, session, f.Machines("web")) }
	return drivertest.World{
		Transport:  transport,
		Settings:   estate.Settings{"org": "acme", "api_base": "https://" + fly.MachinesHost, "graphql_base": "https://" + fly.APIHost},
		Credential: secret.NewString(session),
		Cases: []drivertest.Case{
			{Role: estate.RoleIssuer, Kind: "deploy_token", Settings: estate.Settings{"app": "web", "expiry": 48 * time.Hour}, Other: estate.Settings{"app": "idle", "expiry": time.Hour}},
			{Role: estate.RoleIssuer, Kind: "org_token", Settings: estate.Settings{"expiry": 90 * time.Minute}},
			flySecret(f, deploy),
			{Role: estate.RoleActivation, Kind: "rolling", Settings: estate.Settings{"app": "web"}, Other: estate.Settings{"app": "idle"}},
			{Role: estate.RoleActivation, Kind: "next_deploy", Settings: estate.Settings{"app": "web"}, Other: estate.Settings{"app": "idle"}, Outside: func(string) { deploy() }},
			{Role: estate.RoleCheck, Kind: "machines_health", Settings: estate.Settings{"app": "web"},
				Break: func() { f.SetSecret("web", "FLY_API_TOKEN", "broken"); deploy() }},
			{Role: estate.RoleCheck, Kind: "logs", Settings: estate.Settings{"app": "web", "back": time.Duration(0), "expect": "reloaded", "forbid": "token validation error", "over": time.Minute},
				Other:   estate.Settings{"app": "idle", "back": time.Duration(0), "expect": "reloaded"},
				Outside: func(string) { f.AddLogLine("web", "info", logged) }, Break: func() { logged = "Authenticate: token validation error" }},
			{Role: estate.RoleDiscovery, Kind: "apps", Settings: estate.Settings{"prefix": "tenant-", "except": []string{"tenant-template"}},
				Found: []estate.Settings{{"app": "tenant-one"}, {"app": "tenant-two"}}},
		},
	}
}

func flySecret(f *fly.Fly, deploy func()) drivertest.Case {
	return drivertest.Case{
		Role: estate.RoleLocation, Kind: "app_secret",
		Settings: estate.Settings{"app": "web", "name": "SESSION_KEY"},
		Other:    estate.Settings{"app": "idle", "name": "SESSION_KEY"},
		Holds: func(s estate.Settings) (string, bool) {
			return f.SecretValue(s.String("app"), s.String("name"))
		},
		Loaded: func(value string) bool {
			return !slices.ContainsFunc(f.Machines("web"), func(id string) bool {
				got, ok := f.MachineEnv("web", id, "SESSION_KEY")
				return !ok || got != value
			})
		},
		Outside: func(kind string) {
			if kind == "next_deploy" {
				deploy()
			}
		},
	}
}

// flyDeploy is what somebody else's deployment does to the machines of web.
func flyDeploy(t testing.TB, transport http.RoundTripper, session string, machines []string) {
	t.Helper()
	for _, id := range machines {
		req, err := http.NewRequest(http.MethodPost, "https://"+fly.MachinesHost+"/v1/apps/web/machines/"+id, strings.NewReader(`{"config":{"image":"registry.fly.io/web:deployment-2"}}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+session)
		req.Header.Set("Content-Type", "application/json")
		resp, err := transport.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("the deployment failed: %v", err)
		}
		_ = resp.Body.Close() // in memory
	}
}
