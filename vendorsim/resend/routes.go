package resend

import (
	"net/http"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// table is all calls. It is built once and never changed.
var table = buildTable()

func routes() route.Table[*Resend] { return table }

func buildTable() route.Table[*Resend] {
	return route.Table[*Resend]{
		{Method: "POST", Path: "/api-keys", Do: full((*Resend).createKey)},
		{Method: "GET", Path: "/api-keys", Do: full((*Resend).listKeys)},
		{Method: "PATCH", Path: "/api-keys/{api_key_id}", Do: full((*Resend).renameKey)},
		{Method: "DELETE", Path: "/api-keys/{api_key_id}", Do: full((*Resend).deleteKey)},
		{Method: "POST", Path: "/domains", Do: full((*Resend).createDomain)},
		{Method: "GET", Path: "/domains", Do: full((*Resend).listDomains)},
		{Method: "GET", Path: "/domains/{domain_id}", Do: full((*Resend).showDomain)},
		{Method: "DELETE", Path: "/domains/{domain_id}", Do: full((*Resend).deleteDomain)},
		{Method: "POST", Path: "/domains/{domain_id}/verify", Do: full((*Resend).verifyDomain)},
		{Method: "POST", Path: "/emails", Do: (*Resend).sendEmail},
		{Method: "GET", Path: "/emails", Do: full((*Resend).listEmails)},
		{Method: "GET", Path: "/emails/{email_id}", Do: full((*Resend).showEmail)},
	}
}

// known reports whether a path is served, by whatever method.
func known(path string) bool {
	for _, r := range routes() {
		if route.Match(r.Path, path) {
			return true
		}
	}
	return false
}

// full lets a call through that comes with a key of full access. A key that
// may only send is answered 401, although it is alive (errors page).
func full(do func(*Resend, *route.Call)) func(*Resend, *route.Call) {
	return func(r *Resend, c *route.Call) {
		k := r.caller(c)
		switch {
		case k == nil:
		case k.permission != FullAccess:
			fail(c, http.StatusUnauthorized, "restricted_api_key", "This API key is restricted to only send emails")
		default:
			do(r, c)
		}
	}
}
