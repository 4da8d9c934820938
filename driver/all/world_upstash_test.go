package all_test

import (
	"net/http"
	"testing"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/servertest"
	"github.com/pawlhq/pawl/vendorsim/upstash"
)

// upstashWorld is an account with a database that is a real Redis with two ACL
// users, another database, and QStash in two regions.
func upstashWorld(t testing.TB, clock *drivertest.Clock) drivertest.World {
	server := servertest.RedisOf(t, "upstash")
	u := upstash.New(upstash.Config{Now: clock.Now})
	const account = "ops@example.com"
	u.AddAccount(account)
	_, key := u.AddKey(account, "pawl")
	database := func(slug string, real bool) string {
		d := upstash.Database{Owner: account, Name: slug, Slug: slug}
		if real {
			d.Server = server
		}
		id, err := u.AddDatabase(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	main, other := database("beloved-stallion-58500", true), database("calm-otter-31207", false)
	for _, name := range []string{"app", "other"} {
		if _, err := u.AddUser(t.Context(), main, name); err != nil {
			t.Fatal(err)
		}
	}
	eu, us := u.AddQStash(account, "eu-central-1"), u.AddQStash(account, "us-east-1")
	password := func(id, by string) estate.Settings { return estate.Settings{"database": id, "verify_by": by} }
	user := func(name string) estate.Settings { return estate.Settings{"database": main, "user": name} }
	state := func() string { return u.State() + redisRun(t, server, "ACL", "LIST") }
	return drivertest.World{
		Transport:  vendorsim.Transport(u.Hosts()),
		Dial:       u.Dial,
		Call:       redisCall,
		Settings:   estate.Settings{"base": "https://" + upstash.Host + "/v2", "tls": "disable"},
		Credential: secret.NewString(account + ":" + key),
		Cases: []drivertest.Case{
			{Role: estate.RoleIssuer, Kind: "redis_password", Settings: password(main, "redis"), Other: password(other, "redis"), State: state},
			{Role: estate.RoleIssuer, Kind: "redis_password", Name: "by REST", Settings: password(other, "rest"), Other: password(main, "rest"), State: state},
			{Role: estate.RoleIssuer, Kind: "redis_acl_user", Settings: user("app"), Other: user("other"), State: state},
			{Role: estate.RoleIssuer, Kind: "qstash_token", Settings: estate.Settings{"user": eu}, Other: estate.Settings{"user": us}, State: state},
			{Role: estate.RoleIssuer, Kind: "developer_key", Settings: estate.Settings{}, State: state, Spare: func() (driver.Credential, secret.Parts) {
				_, spare := u.AddKey(account, "spare")
				return driver.Credential{}, secret.One(secret.NewString(account + ":" + spare))
			}},
		},
		Excuses: upstashExcuses(),
	}
}

// upstashExcuses allow a mint whose answer was lost to go well.
func upstashExcuses() []drivertest.Excuse {
	var list []drivertest.Excuse
	for _, fault := range []string{"reset", "timeout", http.StatusText(http.StatusInternalServerError), http.StatusText(http.StatusServiceUnavailable), "garbage", "truncated", "huge"} {
		list = append(list, drivertest.Excuse{Act: "mint", Fault: fault, Absorbed: true, Why: "Upstash gives credentials back: what the lost answer had in it is read"})
	}
	return list
}
