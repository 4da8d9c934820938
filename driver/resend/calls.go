package resend

import "github.com/pawlhq/pawl/driver"

// The paths.
const (
	pathKeys    = "/api-keys"
	pathKey     = "/api-keys/{api_key_id}"
	pathDomains = "/domains"
	pathEmails  = "/emails"
	pathEmail   = "/emails/{email_id}"
)

// calls lists every operation that the driver uses, with Resend's words for
// permissions.
func calls() []driver.Call {
	const full = "an API key with Full access"
	return []driver.Call{
		{Method: "POST", Path: pathKeys, Permission: full, For: kindKey + " mint"},
		{Method: "GET", Path: pathKeys, Permission: full, For: kindKey + " list, last used, revoke and probe"},
		{Method: "DELETE", Path: pathKey, Permission: full, For: kindKey + " revoke"},
		{Method: "GET", Path: pathDomains, Permission: full + "; verify asks with the key itself, whatever it may do", For: kindKey + " verify; " + kindDomain + "; probe"},
		{Method: "GET", Path: pathEmails, Permission: full, For: kindSeen + "; probe of " + kindSend},
		{Method: "POST", Path: pathEmails, Permission: "the key that is tried: Sending access is enough", For: kindSend},
		{Method: "GET", Path: pathEmail, Permission: full, For: kindSend},
	}
}

const notes = `### Keys

Old and new keys live side by side until the old one is deleted; keys never end by themselves, and are shown once. The first key of
a team is made by a person at <https://resend.com/api-keys>. The connection needs a key with full access. It can be a secret of the
same estate (` + "`credential: secret:RESEND_ADMIN_KEY`" + `).

Resend does not tell what a key may do, so the estate says it: ` + "`permission`" + ` and ` + "`domain_id`" + ` must be those of the key in
use, or the new key can do more, or less, than the old one did. Nor does it tell which key a value is. For a key that pawl has not
minted, a person says by name which one is the old one; give each key its own name. Names have up to 50 characters.

### Dead or alive

A status alone does not tell. A key that may only send is answered 401 to every read, with the name ` + "`restricted_api_key`" + `: it
**lives**. A deleted key is answered ` + "`invalid_api_key`" + ` with 403 by Resend's page, and has been seen answered "API key is invalid"
with 400 and 401. Pawl goes by name and text. Everything else proves nothing and is asked again. Whether deletion takes effect at once
is not documented, so pawl waits a minute before it calls a key that still works an error.

An application whose key is dead may fail in silence: many send mail as a best effort. Use a check.

### Checks

- ` + "`domain_verified`" + ` refuses a From line whose domain is not verified at Resend. Nothing else does before the first mail is lost. A
  subdomain is a domain of its own. Where the value is the From line, say ` + "`when: [minted]`" + `: then a new one is refused before it is
  written anywhere. Without it the check runs with the old one first, and with the new one once it is in place.
- ` + "`email_seen`" + ` watches for an email that the application sends, and sends nothing itself. Cause one with another check, or have a
  person do it. Say ` + "`when: [after]`" + `, or it waits for an email before anything was minted too.
- ` + "`send`" + ` sends one email with the new key. It shows that the key sends from the domain, not that the application has it. An attempt whose
  answer was lost is repeated under the same idempotency key and sends nothing twice, for a day. It counts against the team's quota.

### Limits

Resend counts the calls of the whole team, a few a second, and so those of your application too. Pawl makes two a second at most. Calls
without a User-Agent are turned away with 403 and "error code: 1010": let no proxy take it away.

### In the dashboard alone

Domains are added, and their DNS records (SPF and DKIM) shown, at <https://resend.com/domains>. Pawl changes no domain.`
