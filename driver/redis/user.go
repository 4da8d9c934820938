package redis

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
	password, rule, err := c.password(s, r)
	if err != nil {
		return driver.Minted{}, err
	}
	keep := s.keeping(r.Target.Settings.String("persist"))
	if err := c.mintOnce(ctx, s, change{user: name, password: password, keep: keep, command: []string{"ACL", "SETUSER", name, rule}}); err != nil {
		return driver.Minted{}, c.takeBack(ctx, name, hash(password), keep, err)
	}
	return driver.Minted{Credential: driver.Credential{ID: hash(password), CreatedAt: c.env.Now().UTC().Truncate(time.Second)}, Value: secret.One(password)}, nil
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

// List gives the user's passwords, by their hashes.
func (c *conn) List(ctx context.Context, t driver.Target) ([]driver.Credential, error) {
	s, _, u, err := c.begin(ctx, "list passwords", t)
	if err != nil {
		return nil, err
	}
	defer s.close()
	list := make([]driver.Credential, len(u.hashes))
	for i, h := range u.hashes {
		list[i] = driver.Credential{ID: h}
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
		return driver.Credential{ID: h}, nil
	}
	return driver.Credential{}, &driver.Error{Op: op, On: name, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "the user has no such password"}
}

// Revoke takes a password from the user. Clients that have logged in with it
// stay connected.
func (c *conn) Revoke(ctx context.Context, t driver.Target, of driver.Credential, _ secret.Parts) error {
	s, name, u, err := c.begin(ctx, "remove a password", t)
	if err != nil {
		return err
	}
	defer s.close()
	keep := s.keeping(t.Settings.String("persist"))
	if slices.Contains(u.hashes, of.ID) {
		if err := s.do("ACL", "SETUSER", name, fmt.Sprintf("!%s", of.ID)); err != nil {
			return err
		}
	}
	// Also when it was gone: the last time may have ended before it was kept.
	if err := s.keep(keep); err != nil {
		if slices.Contains(u.hashes, of.ID) {
			return applied(err)
		}
		return err
	}
	return nil
}
