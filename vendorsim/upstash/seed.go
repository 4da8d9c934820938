package upstash

import (
	"cmp"
	"context"

	"github.com/pawlhq/pawl/vendorsim/redis"
)

// The seeding calls below set up a world before anything runs in it. They
// panic on names that do not exist or exist twice: a mistake of the program.

// Database says what AddDatabase makes.
type Database struct {
	ID     string // a UUID; "" is a new one
	Owner  string // the account's email
	Name   string
	Slug   string        // the first label of its host, "beloved-stallion-58500"
	Server *redis.Server // a real Redis behind it, for this database alone; may be nil
}

// AddAccount makes a native account.
func (u *Upstash) AddAccount(email string, teams ...string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.account(email) != nil {
		panic("upstash: the account exists: " + email)
	}
	a := &account{email: email}
	for _, name := range teams {
		a.teams = append(a.teams, team{id: u.id(), name: name})
	}
	u.accounts = append(u.accounts, a)
}

// AddKey makes a Developer API key, as a person does in the console, and gives
// its id here and its value.
func (u *Upstash) AddKey(email, name string) (id, value string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	a := u.mustAccount(email)
	for _, k := range a.keys {
		if k.name == name && !k.deleted {
			panic("upstash: the account has a key of the name " + name)
		}
	}
	k := &key{id: u.id(), name: name, value: u.credential("", 30)}
	a.keys = append(a.keys, k)
	return k.id, k.value
}

// DeleteKey deletes a key, as a person does in the console.
func (u *Upstash) DeleteKey(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, a := range u.accounts {
		for _, k := range a.keys {
			if k.id == id {
				k.deleted = true
				return
			}
		}
	}
	panic("upstash: no such key: " + id)
}

// AddDatabase makes a database and gives its id. The server behind it gets its
// password for the user default.
func (u *Upstash) AddDatabase(ctx context.Context, s Database) (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at(s.Slug+domain) != nil || u.database(s.ID) != nil {
		panic("upstash: there is a database at " + s.Slug + ", or of that id")
	}
	d := &database{id: cmp.Or(s.ID, u.id()), name: s.Name, slug: s.Slug, owner: u.mustAccount(s.Owner), createdAt: u.now(), server: s.Server, generated: map[string]string{}}
	u.draw(d)
	if err := u.apply(ctx, d); err != nil {
		return "", err
	}
	u.databases = append(u.databases, d)
	return d.id, nil
}

// AddUser makes a user of a database that has a server, who may read and write
// all keys, or makes it anew, and gives its one token.
func (u *Upstash) AddUser(ctx context.Context, database, user string) (token string, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	d := u.mustDatabase(database)
	token = u.generate(d, user)
	return token, command(ctx, d.server, redis.Admin, d.server.Password, []string{"ACL", "SETUSER", user, "reset", "on", ">" + token, "~*", "+@read", "+@write", "+ping"})
}

// AddQStash makes the account's QStash user in a region and gives its id.
func (u *Upstash) AddQStash(email, region string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	q := &qstash{id: u.id(), region: region, owner: u.mustAccount(email), createdAt: u.now(), token: u.credential("eyJ", 60), readOnly: u.credential("eyJ", 60)}
	u.queues = append(u.queues, q)
	return q.id
}

// Modify has something be done to a database, "" ends it.
func (u *Upstash) Modify(database, what string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.mustDatabase(database).modifying = what
}

// SwitchDefaultOff switches a database's user default off, as a person does in
// the console.
func (u *Upstash) SwitchDefaultOff(ctx context.Context, database string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	d := u.mustDatabase(database)
	d.defaultOff = true
	if d.server == nil {
		return nil
	}
	return command(ctx, d.server, redis.Admin, d.server.Password, []string{"ACL", "SETUSER", "default", "off"})
}

func (u *Upstash) mustAccount(email string) *account {
	if a := u.account(email); a != nil {
		return a
	}
	panic("upstash: no such account: " + email)
}

func (u *Upstash) mustDatabase(id string) *database {
	if d := u.database(id); d != nil {
		return d
	}
	panic("upstash: no such database: " + id)
}
