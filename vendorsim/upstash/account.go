package upstash

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// account is a native account: others have no Developer API (page "Getting
// Started").
type account struct {
	email string
	keys  []*key
	teams []team

	used  int // calls since
	since time.Time
}

// key is a Developer API key. Its name is unique in the account (same page).
type key struct {
	id, name, value string
	deleted         bool
}

type team struct{ id, name string }

// entry is one line of the audit log.
type entry struct {
	account       *account
	at            time.Time
	action        int
	what, on, key string
}

func (u *Upstash) account(email string) *account {
	i := slices.IndexFunc(u.accounts, func(a *account) bool { return a.email == email })
	if i < 0 {
		return nil
	}
	return u.accounts[i]
}

// caller finds the account and the key of a call. Keys of other accounts do not
// count.
func (u *Upstash) caller(email, value string) (*account, *key) {
	a := u.account(email)
	if a == nil || value == "" {
		return nil, nil
	}
	i := slices.IndexFunc(a.keys, func(k *key) bool { return k.value == value && !k.deleted })
	if i < 0 {
		return a, nil
	}
	return a, a.keys[i]
}

// limited counts a call, and answers where there were too many.
func (u *Upstash) limited(c *route.Call, a *account) bool {
	if u.cfg.PerMinute == 0 {
		return false
	}
	now := u.now()
	if now.Sub(a.since) >= time.Minute {
		a.used, a.since = 0, now
	}
	if a.used++; a.used <= u.cfg.PerMinute {
		return false
	}
	left := time.Minute - now.Sub(a.since)
	c.W.Header().Set("Retry-After", strconv.Itoa(max(1, int((left+time.Second-1)/time.Second))))
	fail(c, http.StatusTooManyRequests, "too_many_requests", "Too many requests, slow down")
	return true
}

// did notes an act in the account's audit log.
func (u *Upstash) did(c *route.Call, a *account, action int, what, on string) {
	_, value, _ := c.R.BasicAuth()
	name := ""
	if _, k := u.caller(a.email, value); k != nil {
		name = k.name
	}
	u.audit = append(u.audit, entry{account: a, at: u.now(), action: action, what: what, on: on, key: name})
}

func (u *Upstash) listTeams(c *route.Call, a *account) {
	list := []any{}
	for _, t := range a.teams {
		list = append(list, map[string]any{"team_id": t.id, "team_name": t.name, "copy_cc": false})
	}
	c.JSON(http.StatusOK, list)
}

// listAudit is AuditLog, newest first, which is a guess.
func (u *Upstash) listAudit(c *route.Call, a *account) {
	list := []any{}
	for i, e := range slices.Backward(u.audit) {
		if e.account != a {
			continue
		}
		list = append(list, map[string]any{"log_id": strconv.Itoa(i + 1), "action": e.action, "action_string": e.what, "actor": a.email, "customer_id": a.email,
			"entity": e.on, "secondary_entity": "NA", "third_entity": "", "ip": "127.0.0.1", "source": "API_KEY - " + e.key,
			"notes": "", "reason": "", "readable_format": "", "timestamp": e.at.Unix(), "ttl": e.at.AddDate(0, 6, 0).Unix()})
	}
	c.JSON(http.StatusOK, list)
}
