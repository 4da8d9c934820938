package all_test

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// neonWorld is an organisation with two projects; the roles of the first one's
// branch are those of a real PostgreSQL. Operations take time, so Neon answers
// before it has done anything, and refuses changes meanwhile.
func neonWorld(t testing.TB, clock *drivertest.Clock) drivertest.World {
	n := neon.New(neon.Config{Now: clock.Now, Operation: 2 * time.Second, RateLimit: true, Database: firstIsReal(t)})
	const org, project, other = "org-morning-bread-81040908", "shiny-wind-028834", "calm-dew-11223344"
	admin := n.AddUser("Alex")
	n.AddOrg(org, admin)
	branch := n.AddProject(neon.Project{ID: project, Org: org})
	beside := n.AddProject(neon.Project{ID: other, Org: org})
	n.AddRole(project, branch, "owner_of_tables", true)
	_, own := n.AddKey(admin, "ops")
	if _, err := n.Provision(own, project, "tenant-1"); err != nil {
		t.Fatal(err)
	}
	at := func(project, branch string, more ...string) estate.Settings {
		s := estate.Settings{"project": project, "branch": branch}
		for i := 0; i+1 < len(more); i += 2 {
			s[more[i]] = more[i+1]
		}
		return s
	}
	tenant := estate.Settings{"project": project, "name": "tenant-1", "expect": "present"}
	leave := func() {
		clock.Advance(time.Minute)
		if err := n.Deprovision(own, project, n.Branches(project)[1].ID); err != nil {
			t.Fatal(err)
		}
		clock.Advance(time.Minute)
	}
	return drivertest.World{
		Transport:  vendorsim.Transport(map[string]http.Handler{neon.Host: n}),
		Settings:   estate.Settings{"base": "https://" + neon.Host + "/api/v2"},
		Credential: secret.NewString(own),
		Excuses:    neonExcuses(),
		Cases: []drivertest.Case{
			{Role: estate.RoleIssuer, Kind: "api_key", Settings: estate.Settings{}},
			{Role: estate.RoleIssuer, Kind: "org_api_key", Settings: estate.Settings{"org_id": org}},
			{Role: estate.RoleIssuer, Kind: "org_api_key", Name: "for one project", Settings: estate.Settings{"org_id": org, "project_id": project}, Other: estate.Settings{"org_id": org, "project_id": other}},
			{Role: estate.RoleIssuer, Kind: "role", Settings: at(project, branch), Other: at(other, beside)},
			{Role: estate.RoleIssuer, Kind: "role_password", Settings: at(project, branch, "role", "neondb_owner"), Other: at(other, beside, "role", "neondb_owner")},
			{Role: estate.RoleCheck, Kind: "auth", Settings: estate.Settings{}},
			{Role: estate.RoleCheck, Kind: "branch", Settings: tenant, Break: leave},
			{Role: estate.RoleCheck, Kind: "branch", Name: "that must not be there", Settings: estate.Settings{"project": project, "name": "tenant", "expect": "absent"}, Hostile: []string{"project"}},
		},
	}
}

// firstIsReal gives the first branch a real server, where there are servers.
func firstIsReal(t testing.TB) func(project, branch string) neon.Database {
	if os.Getenv(servertest.Without) == "1" {
		return nil
	}
	first := servertest.NeonBranch(t, "neon")
	return func(string, string) neon.Database {
		d := first
		first = nil // others have their roles in memory
		return d
	}
}

// neonExcuses allow a mint whose answer was lost to go well.
func neonExcuses() []drivertest.Excuse {
	var list []drivertest.Excuse
	for _, fault := range []string{"reset", "timeout", "Internal Server Error", "Service Unavailable", "garbage", "truncated", "huge"} {
		list = append(list, drivertest.Excuse{Act: "mint", Fault: fault, Absorbed: true, Why: "Neon stores the passwords of roles: what the lost answer had in it is read back"})
	}
	return list
}
