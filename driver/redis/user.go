package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// user is what the server says of one.
type user struct {
	exists bool
	nopass bool     // every password is taken
	hashes []string // of its passwords: SHA-256, hexadecimal
}

// user asks for one. Its answer is a list of names and values; RESP3 would
// give a map.
func (s *session) user(name string) (user, error) {
	answer, err := s.ask("ACL", "GETUSER", name)
	if err != nil || answer == nil {
		return user{}, err
	}
	fields, ok := answer.([]any)
	if !ok {
		return user{}, &driver.Error{Op: s.op, On: s.on, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer about the user makes no sense"}
	}
	u := user{exists: true}
	for i := 0; i+1 < len(fields); i += 2 {
		switch fields[i] {
		case "flags":
			u.nopass = slices.Contains(texts(fields[i+1]), "nopass")
		case "passwords":
			u.hashes = texts(fields[i+1])
		}
	}
	return u, nil
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, item := range list {
		text, _ := item.(string)
		out = append(out, text)
	}
	return out
}

// begin opens a session and asks for the user. One that is not there is an
// error: ACL SETUSER would make it.
func (c *conn) begin(ctx context.Context, op string, t driver.Target) (*session, string, user, error) {
	name := t.Settings.String("user")
	switch {
	case t.Kind != kindUser:
		return nil, name, user{}, unsupported(op, t.Kind)
	case name == "" || strings.ContainsAny(name, " \x00\r\n"):
		return nil, name, user{}, invalid(op, name, "it cannot be a user's name", "check user") // ACLStringHasSpaces of the sources
	}
	s, err := c.open(ctx, op, name)
	if err != nil {
		return nil, name, user{}, err
	}
	u, err := s.user(name)
	if err == nil && !u.exists {
		err = &driver.Error{Op: op, On: name, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "there is no such user", Next: "make it with ACL SETUSER and what it may do"}
	}
	if err != nil {
		s.close()
		return nil, name, user{}, err
	}
	return s, name, u, nil
}

// add gives a user one more password. The one before lives on beside it.
func (c *conn) add(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	const op = "add a password"
	s, name, u, err := c.begin(ctx, op, r.Target)
	if err != nil {
		return driver.Minted{}, err
	}
	defer s.close()
	if u.nopass {
		return driver.Minted{}, invalid(op, name, "the user needs no password: with one it would, and its clients would be refused", "give its clients a password first")
	}
	password, rule, err := c.unlike(s, r, u)
	if err != nil {
		return driver.Minted{}, err
	}
	keep := s.keeping(r.Target.Settings.String("persist"))
	if err := c.mintOnce(ctx, s, change{user: name, password: password, keep: keep, command: []string{"ACL", "SETUSER", name, rule}}); err != nil {
		return driver.Minted{}, c.takeBack(ctx, name, hash(password), keep, err)
	}
	return driver.Minted{Credential: driver.Credential{ID: id(hash(password)), CreatedAt: c.env.Now().UTC().Truncate(time.Second)}, Value: secret.One(password)}, nil
}

// unlike makes a password whose id none of the user's has: it is how the two are
// told apart later.
func (c *conn) unlike(s *session, r driver.MintRequest, u user) (secret.Value, string, error) {
	const draws = 20 // for a user of ten passwords, the first is as good as sure to do
	for range draws {
		password, rule, err := c.password(s, r)
		if err != nil || len(u.with(id(hash(password)))) == 0 {
			return password, rule, err
		}
	}
	return secret.Value{}, "", invalid(s.op, s.on, "every password that is drawn has the id of one that the user has", "take away those that nobody uses, or allow longer ones in the secret's format")
}

// password makes the password and the rule that adds it: by its hash, so that
// the password itself is in no command, or as the server's own token, where
// the server takes nothing else.
func (c *conn) password(s *session, r driver.MintRequest) (secret.Value, string, error) {
	if !r.Target.Settings.Bool("gentoken") {
		password, err := r.Format.Generate(c.env.Rand)
		if err != nil {
			return secret.Value{}, "", invalid(s.op, s.on, err.Error(), "change the secret's format rules")
		}
		return password, "#" + hash(password), nil
	}
	answer, err := s.ask("ACL", "GENTOKEN", s.on)
	token, _ := answer.(string)
	if err == nil && token == "" {
		err = &driver.Error{Op: s.op, On: s.on, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the server gave no token"}
	}
	return secret.NewString(token), ">" + token, err
}

// takeBack ends a password that was added and could not be kept. What it
// cannot end is applied.
func (c *conn) takeBack(ctx context.Context, name, h, keep string, err error) error {
	e := driver.AsError("add a password", err)
	if e.Effect != pawl.EffectApplied || ctx.Err() != nil {
		return e
	}
	s, bad := c.open(ctx, e.Op, name)
	if bad != nil {
		return e
	}
	defer s.close()
	if s.do("ACL", "SETUSER", name, "!"+h) == nil && s.keep(keep) == nil {
		e.Effect = pawl.EffectNone
	}
	return e
}

// hash is what the server keeps of a password, and shows.
func hash(password secret.Value) string {
	var sum [sha256.Size]byte
	_ = password.Use(func(b []byte) error { sum = sha256.Sum256(b); return nil }) // a destroyed value matches no password
	return hex.EncodeToString(sum[:])
}

// idLength is how much of a hash is an id.
//
// Ids are in the journal and in its exports, and the hash has no salt: from the
// whole of it, or from as much as tells two words of a dictionary apart, a weak
// password that a person once chose could be guessed at leisure. Four digits
// tell the few passwords of one user apart, and leave of a million guesses some
// fifteen, of which nothing but the server tells the right one. The server
// wants the whole hash to remove a password, and shows it: see Revoke. A key to
// make ids with would be one more thing to keep for as long as the journal, and
// people could not find the password in ACL GETUSER by its id.
const idLength = 4

// id is what the journal knows of a password by: the beginning of its hash.
func id(hash string) string { return hash[:min(idLength, len(hash))] }

// with gives the hashes of the passwords that an id may mean.
func (u user) with(id string) []string {
	var list []string
	for _, h := range u.hashes {
		if id != "" && strings.HasPrefix(h, id) {
			list = append(list, h)
		}
	}
	return list
}

// List gives the user's passwords.
func (c *conn) List(ctx context.Context, t driver.Target) ([]driver.Credential, error) {
	s, _, u, err := c.begin(ctx, "list passwords", t)
	if err != nil {
		return nil, err
	}
	defer s.close()
	list := make([]driver.Credential, len(u.hashes))
	for i, h := range u.hashes {
		list[i] = driver.Credential{ID: id(h)}
	}
	return list, nil
}

// Identify finds a password among the user's.
func (c *conn) Identify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Credential, error) {
	const op = "identify a password"
	s, name, u, err := c.begin(ctx, op, t)
	if err != nil {
		return driver.Credential{}, err
	}
	defer s.close()
	if h := hash(value[secret.Single]); slices.Contains(u.hashes, h) {
		return driver.Credential{ID: id(h)}, nil
	}
	return driver.Credential{}, &driver.Error{Op: op, On: name, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "the user has no such password"}
}

// Revoke takes a password from the user. Clients that have logged in with it
// stay connected. It is told by its value where that is known, else by its id,
// which must mean one password: another one is somebody's login.
func (c *conn) Revoke(ctx context.Context, t driver.Target, of driver.Credential, value secret.Parts) error {
	const op = "remove a password"
	s, name, u, err := c.begin(ctx, op, t)
	if err != nil {
		return err
	}
	defer s.close()
	meant := u.with(of.ID)
	if v, ok := value[secret.Single]; ok { // then nobody else's that has come to the id since can be meant
		h := hash(v)
		meant = slices.DeleteFunc(meant, func(m string) bool { return m != h })
	}
	if len(meant) > 1 {
		return invalid(op, name, "two of the user's passwords have the id "+of.ID, "remove the right one with ACL SETUSER and !hash, then go on")
	}
	keep := s.keeping(t.Settings.String("persist"))
	for _, h := range meant {
		if err := s.do("ACL", "SETUSER", name, "!"+h); err != nil {
			return err
		}
	}
	// Also when it was gone: the last time may have ended before it was kept.
	if err := s.keep(keep); err != nil {
		if len(meant) > 0 {
			return applied(err)
		}
		return err
	}
	return nil
}
