package upstash

import (
	"net/http"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// The tables are built once and never changed.
var (
	developerTable = route.Table[*Upstash]{
		{Method: "GET", Path: "/v2/redis/databases", Do: ours((*Upstash).listDatabases)},
		{Method: "GET", Path: "/v2/redis/database/{id}", Do: ours(ofDatabase((*Upstash).getDatabase))},
		{Method: "POST", Path: "/v2/redis/reset-password/{id}", Do: ours(ofDatabase((*Upstash).resetPassword))},
		{Method: "GET", Path: "/v2/qstash/users", Do: ours((*Upstash).listQueues)},
		{Method: "GET", Path: "/v2/qstash/user/{id}", Do: ours(ofQueue((*Upstash).getQueue))},
		{Method: "POST", Path: "/v2/qstash/rotate-token/{id}", Do: ours(ofQueue((*Upstash).rotateToken))},
		{Method: "GET", Path: "/v2/teams", Do: ours((*Upstash).listTeams)},
		{Method: "GET", Path: "/auditlogs", Do: ours((*Upstash).listAudit)}, // its server is Host alone
	}
	restTable = route.Table[*Upstash]{
		{Method: "GET", Path: "/ping", Do: (*Upstash).ping},
	}
	queueTable = route.Table[*Upstash]{
		{Method: "GET", Path: "/v2/queues", Do: (*Upstash).queuesOf},
	}
)

// ours lets a call through that comes with an account's email and key, and not
// too often (pages "Authentication" and "HTTP Status Codes").
func ours(do func(*Upstash, *route.Call, *account)) func(*Upstash, *route.Call) {
	return func(u *Upstash, c *route.Call) {
		email, key, _ := c.R.BasicAuth()
		a, k := u.caller(email, key)
		switch {
		case k == nil:
			fail(c, http.StatusUnauthorized, "unauthorized", "Unauthorized")
		case u.limited(c, a):
		default:
			do(u, c, a)
		}
	}
}

func ofDatabase(do func(*Upstash, *route.Call, *database)) func(*Upstash, *route.Call, *account) {
	return func(u *Upstash, c *route.Call, a *account) {
		if d := u.database(c.Arg("id")); d != nil && d.owner == a {
			do(u, c, d)
			return
		}
		fail(c, http.StatusNotFound, "not_found", "Database not found")
	}
}

func ofQueue(do func(*Upstash, *route.Call, *qstash)) func(*Upstash, *route.Call, *account) {
	return func(u *Upstash, c *route.Call, a *account) {
		if q := u.queue(c.Arg("id")); q != nil && q.owner == a {
			do(u, c, q)
			return
		}
		fail(c, http.StatusNotFound, "not_found", "QStash user not found")
	}
}
