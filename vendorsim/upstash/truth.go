package upstash

import (
	"slices"

	"github.com/pawlhq/pawl/vendorsim"
)

// Credentials are what opens a database as its user default, to be compared
// and never printed.
type Credentials struct{ Password, RESTToken, ReadOnlyRESTToken string }

// Credentials gives a database's credentials of now.
func (u *Upstash) Credentials(database string) Credentials {
	u.mu.Lock()
	defer u.mu.Unlock()
	d := u.mustDatabase(database)
	return Credentials{d.password, d.token, d.readOnly}
}

// Host gives the host of a database.
func (u *Upstash) Host(database string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.mustDatabase(database).host()
}

// Tokens gives the tokens of a QStash user of now, to be compared and never
// printed.
func (u *Upstash) Tokens(qstash string) (token, readOnly string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	q := u.queue(qstash)
	if q == nil {
		panic("upstash: no such QStash user: " + qstash)
	}
	return q.token, q.readOnly
}

// KeyAccepted reports whether the Developer API takes an account's key.
func (u *Upstash) KeyAccepted(email, value string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, k := u.caller(email, value)
	return k != nil
}

// State tells all credentials apart without showing one: it changes whenever
// one of them does.
func (u *Upstash) State() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := ""
	for _, d := range u.databases {
		all += d.password + d.token + d.readOnly
	}
	for _, q := range u.queues {
		all += q.token + q.readOnly
	}
	return digest(all)
}

// Acts lists the audit log of an account, oldest first: "Reset Password".
func (u *Upstash) Acts(email string) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	var list []string
	for _, e := range u.audit {
		if e.account.email == email {
			list = append(list, e.what)
		}
	}
	return list
}

// Issued gives every credential that was made here, as the strings that a leak
// search looks for.
func (u *Upstash) Issued() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.issued)
}

var _ vendorsim.Labelled = (*api)(nil)
