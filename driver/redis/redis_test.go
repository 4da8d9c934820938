package redis_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/redis"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	sim "github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// powers is all that the driver can do.
type powers interface {
	driver.Conn
	driver.Issuer
	driver.Checker
	driver.Verifier
	driver.Identifier
}

type dial func(ctx context.Context, network, address string) (net.Conn, error)

func open(t *testing.T, d dial, port int, user, password string) powers {
	t.Helper()
	env := driver.Env{Dial: d, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Credential: func(context.Context) (secret.Value, error) { return secret.NewString(password), nil }}
	conn, err := redis.New().Open(env, estate.Settings{"host": "127.0.0.1", "port": port, "user": user, "tls": "disable"})
	if err != nil {
		t.Fatal(err)
	}
	return conn.(powers)
}

// start starts a server of the test's own: its users are the test's to change.
func start(t *testing.T, o sim.Options) (*sim.Server, powers, *goredis.Client) {
	t.Helper()
	servertest.Needed(t)
	s, err := sim.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, open(t, (&net.Dialer{}).DialContext, s.Port, sim.Admin, s.Password), client(t, s, sim.Admin, s.Password)
}

func client(t *testing.T, s *sim.Server, user, password string) *goredis.Client {
	t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: s.Addr(), Username: user, Password: password, Protocol: 2, DisableIdentity: true, MaxRetries: -1, PoolSize: 1})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func run(t *testing.T, c *goredis.Client, command ...any) string {
	t.Helper()
	answer, err := c.Do(t.Context(), command...).Result()
	if err != nil {
		t.Fatalf("%v: %v", command[:2], err)
	}
	return fmt.Sprint(answer)
}

func user(name string, more ...any) driver.Target {
	s := estate.Settings{"user": name, "persist": "auto"}
	for i := 0; i+1 < len(more); i += 2 {
		s[more[i].(string)] = more[i+1]
	}
	return driver.Target{Kind: "acl_user", Settings: s}
}

func mint(t *testing.T, conn powers, target driver.Target) driver.Minted {
	t.Helper()
	m, err := conn.Mint(t.Context(), driver.MintRequest{Target: target, Version: 2})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func text(v secret.Value) (s string) {
	_ = v.Use(func(b []byte) error { s = string(b); return nil }) // it is not destroyed
	return s
}

func kindOf(t *testing.T, err error, want driver.ErrorKind) *driver.Error {
	t.Helper()
	e := driver.AsError("", err)
	if e == nil || e.Kind != want {
		t.Fatalf("got %v, want an error of kind %s", err, want)
	}
	return e
}

const oldPassword = "PAWLCANARY-old-0123456789"

// TestOverlapAndEnd goes through a rotation, with a server of each way to keep
// its users.
func TestOverlapAndEnd(t *testing.T) {
	for _, withFile := range []bool{false, true} {
		s, conn, admin := start(t, sim.Options{ACLFile: withFile, Settings: []string{"slowlog-log-slower-than 0", "slowlog-max-len 1000"}})
		run(t, admin, "ACL", "SETUSER", "app", "on", ">"+oldPassword, "~*", "+@all", "-@dangerous")
		app := client(t, s, "app", oldPassword)
		run(t, app, "PING", "before")
		old, err := conn.Identify(t.Context(), user("app"), secret.One(secret.NewString(oldPassword)))
		if err != nil {
			t.Fatal(err)
		}
		m := mint(t, conn, user("app"))
		for name, v := range map[string]string{"old": oldPassword, "new": text(m.Value[secret.Single])} {
			run(t, client(t, s, "app", v), "PING", name)
		}
		kept(t, s, hashOf(text(m.Value[secret.Single])), true)
		if err := conn.Revoke(t.Context(), user("app"), old, nil); err != nil {
			t.Fatal(err)
		}
		if v, err := conn.Verify(t.Context(), user("app"), secret.One(secret.NewString(oldPassword))); err != nil || v != driver.Refused {
			t.Errorf("the old password is %q (%v)", v, err)
		}
		kept(t, s, hashOf(oldPassword), false)
		run(t, app, "PING", "after") // a client that is connected stays so
		if log := run(t, admin, "SLOWLOG", "GET", "1000") + s.Log(); !strings.Contains(log, "SETUSER") || strings.Contains(log, text(m.Value[secret.Single])) {
			t.Error("the password is in the server's log, or the log does not have the commands")
		}
	}
}

func hashOf(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// TestIdsTellLittle holds that what is on record of a password does not tell it
// from a guess, and that one which could mean two ends neither.
func TestIdsTellLittle(t *testing.T) {
	_, conn, admin := start(t, sim.Options{})
	run(t, admin, "ACL", "SETUSER", "app", "on", ">summer2019", "+ping")
	list, err := conn.List(t.Context(), user("app"))
	if err != nil || len(list) != 1 || len(list[0].ID) > 4 || !strings.HasPrefix(hashOf("summer2019"), list[0].ID) {
		t.Fatalf("the list is %+v (%v)", list, err)
	}
	twin := "" // another password with the same id
	for n := 0; twin == ""; n++ {
		if p := fmt.Sprint("guess", n); strings.HasPrefix(hashOf(p), list[0].ID) {
			twin = p
		}
	}
	run(t, admin, "ACL", "SETUSER", "app", ">"+twin)
	e := kindOf(t, conn.Revoke(t.Context(), user("app"), list[0], nil), driver.Invalid)
	if users := run(t, admin, "ACL", "LIST"); e.Effect != pawl.EffectNone || !strings.Contains(users, hashOf(twin)) || !strings.Contains(users, hashOf("summer2019")) {
		t.Errorf("it ended one of two: %v", e)
	}
	if err := conn.Revoke(t.Context(), user("app"), list[0], secret.One(secret.NewString(twin))); err != nil {
		t.Fatal(err)
	}
	if users := run(t, admin, "ACL", "LIST"); strings.Contains(users, hashOf(twin)) || !strings.Contains(users, hashOf("summer2019")) {
		t.Error("it did not end the one whose value is known")
	}
	whole := driver.Credential{ID: hashOf("summer2019")} // as an earlier pawl has it on record
	if err := conn.Revoke(t.Context(), user("app"), whole, nil); err != nil {
		t.Fatal(err)
	}
	if users := run(t, admin, "ACL", "LIST"); strings.Contains(users, hashOf("summer2019")) {
		t.Error("it did not end the one that is named by its whole hash")
	}
}

func kept(t *testing.T, s *sim.Server, hash string, want bool) {
	t.Helper()
	onDisk, err := s.Kept()
	if err != nil || strings.Contains(onDisk, hash) != want {
		t.Errorf("a restarted server knows the password: %v, want %v (%v)", !want, want, err)
	}
}

// TestUsersAreNeitherMadeNorOpened holds that pawl gives no password to a user
// that is not there or needs none.
func TestUsersAreNeitherMadeNorOpened(t *testing.T) {
	_, conn, admin := start(t, sim.Options{})
	run(t, admin, "ACL", "SETUSER", "open", "on", "nopass", "+ping")
	before := run(t, admin, "ACL", "LIST")
	for name, want := range map[string]driver.ErrorKind{"missing": driver.NotFound, "open": driver.Invalid, "": driver.Invalid, "a b": driver.Invalid} {
		_, err := conn.Mint(t.Context(), driver.MintRequest{Target: user(name)})
		if e := kindOf(t, err, want); e.Effect != pawl.EffectNone {
			t.Errorf("%q: %v", name, e)
		}
	}
	if after := run(t, admin, "ACL", "LIST"); after != before {
		t.Error("a user was made or changed")
	}
}

// TestWhatCannotBeKeptIsTakenBack holds that a password that a restart would
// lose is not handed out.
func TestWhatCannotBeKeptIsTakenBack(t *testing.T) {
	_, conn, admin := start(t, sim.Options{})
	run(t, admin, "ACL", "SETUSER", "app", "on", ">"+oldPassword, "+ping")
	before := run(t, admin, "ACL", "LIST")
	_, err := conn.Mint(t.Context(), driver.MintRequest{Target: user("app", "persist", "acl-save")}) // the server has no file of users
	if e := kindOf(t, err, driver.Invalid); e.Effect != pawl.EffectApplied {
		t.Errorf("the error is %v", e) // the removal cannot be kept either
	}
	if after := run(t, admin, "ACL", "LIST"); after != before {
		t.Error("the password that could not be kept is still accepted")
	}
}

func TestRequirepass(t *testing.T) {
	s, _, _ := start(t, sim.Options{})
	conn := open(t, (&net.Dialer{}).DialContext, s.Port, "default", s.Password) // pawl's own password is the one that changes
	target := driver.Target{Kind: "requirepass", Settings: estate.Settings{"persist": "auto"}}
	m := mint(t, conn, target)
	for want, v := range map[driver.Verdict]secret.Value{driver.Refused: secret.NewString(s.Password), driver.Accepted: m.Value[secret.Single]} {
		if got, err := conn.Verify(t.Context(), target, secret.One(v)); err != nil || got != want {
			t.Errorf("the verdict is %q (%v), want %q", got, err, want)
		}
	}
	_, err := conn.List(t.Context(), user("app"))
	kindOf(t, err, driver.Unauthenticated)
}

func TestMissingPermissions(t *testing.T) {
	s, _, admin := start(t, sim.Options{})
	run(t, admin, "ACL", "SETUSER", "weak", "on", ">"+oldPassword, "+acl|getuser", "+acl|dryrun")
	weak := open(t, (&net.Dialer{}).DialContext, s.Port, "weak", oldPassword)
	grants, err := weak.Probe(t.Context(), user("weak"))
	if err != nil || len(grants) != 1 || grants[0].Has != driver.No {
		t.Errorf("the grants are %+v (%v)", grants, err)
	}
	_, err = weak.Mint(t.Context(), driver.MintRequest{Target: user("weak")})
	if e := kindOf(t, err, driver.Denied); e.Effect != pawl.EffectNone {
		t.Errorf("the error is %v", e)
	}
}

func TestPing(t *testing.T) {
	s, conn, admin := start(t, sim.Options{})
	run(t, admin, "ACL", "SETUSER", "app", "on", ">"+oldPassword)
	for _, c := range []struct {
		settings estate.Settings
		want     driver.State
	}{
		{estate.Settings{"user": "app"}, driver.Passed}, // it may not PING, but it logs in
		{estate.Settings{"user": "other"}, driver.Failed},
		{estate.Settings{"url": fmt.Sprintf("redis://app:{{.value}}@127.0.0.1:%d/0", s.Port)}, driver.Passed},
		{estate.Settings{"url": fmt.Sprintf("redis://:{{.value}}@127.0.0.1:%d/0", s.Port)}, driver.Failed},
	} {
		f, err := conn.Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: "ping", Settings: c.settings}, Value: secret.One(secret.NewString(oldPassword))})
		if err != nil || f.State != c.want {
			t.Errorf("%v: %q (%v), want %q", c.settings, f.State, err, c.want)
		}
	}
	for _, url := range []string{"not a url {{.value}}", "http://app:{{.value}}@h", "redis://{{.value}}"} {
		_, err := conn.Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: "ping", Settings: estate.Settings{"url": url}}, Value: secret.One(secret.NewString(oldPassword))})
		if e := kindOf(t, err, driver.Invalid); strings.Contains(e.Error(), oldPassword) {
			t.Error("the value is in the error")
		}
	}
	_, err := conn.Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: "ping"}})
	kindOf(t, err, driver.NoValue)
}

// managed answers as a managed server does that makes its tokens itself and
// does not let its configuration be read. seen gets each command.
func managed(t *testing.T, answers map[string]string, seen chan<- string) dial {
	return func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer func() { _ = there.Close() }()
			for in := bufio.NewReader(there); ; {
				command, err := read(in)
				if err != nil {
					return
				}
				seen <- command
				words := strings.Fields(command)
				answer := "+OK\r\n"
				for n := len(words); n > 0; n-- {
					if a, ok := answers[strings.Join(words[:n], " ")]; ok {
						answer = strings.ReplaceAll(a, "$COMMAND", command)
						break
					}
				}
				if _, err := io.WriteString(there, answer); err != nil {
					return
				}
			}
		}()
		t.Cleanup(func() { _ = here.Close() })
		return here, nil
	}
}

// read gives a command's words with spaces between.
func read(in *bufio.Reader) (string, error) {
	n, err := count(in)
	words := make([]string, n)
	for i := range words {
		size, bad := count(in)
		b := make([]byte, size+2)
		if _, err = io.ReadFull(in, b); bad != nil || err != nil {
			return "", errors.Join(bad, err)
		}
		words[i] = string(b[:size])
	}
	return strings.Join(words, " "), err
}

// count reads a line that is a letter and a number.
func count(in *bufio.Reader) (int, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

// TestProbeWithoutALogin holds that a connection for checks alone needs no
// credential, also where the server wants one of everybody.
func TestProbeWithoutALogin(t *testing.T) {
	s, _, _ := start(t, sim.Options{})
	probe := func(port int, credential func(context.Context) (secret.Value, error)) error {
		conn, err := redis.New().Open(driver.Env{Dial: (&net.Dialer{}).DialContext, Now: time.Now, Rand: rand.Reader, Credential: credential},
			estate.Settings{"host": "127.0.0.1", "port": port, "tls": "disable"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Probe(t.Context(), driver.Target{Kind: "ping"})
		return err
	}
	if err := probe(s.Port, nil); err != nil {
		t.Errorf("without a credential: %v", err)
	}
	kindOf(t, probe(s.Port, func(context.Context) (secret.Value, error) { return secret.NewString(oldPassword), nil }), driver.Unauthenticated)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	kindOf(t, probe(s.Port, nil), driver.Unavailable)
}

// TestTokensOfTheServersMaking follows Upstash's documentation of ACL GENTOKEN
// and ACL SETUSER.
func TestTokensOfTheServersMaking(t *testing.T) {
	const token = "PAWLCANARY-token-0123456789"
	seen := make(chan string, 20)
	conn := open(t, managed(t, map[string]string{
		"ACL GETUSER":  "*4\r\n$5\r\nflags\r\n*1\r\n$2\r\non\r\n$9\r\npasswords\r\n*0\r\n",
		"ACL GENTOKEN": fmt.Sprintf("$%d\r\n%s\r\n", len(token), token),
		"CONFIG":       "-ERR unknown command 'CONFIG'\r\n",
	}, seen), 6379, "default", "PAWLCANARY-own-0123456789")
	m := mint(t, conn, user("app", "gentoken", true))
	sum := sha256.Sum256([]byte(token))
	if text(m.Value[secret.Single]) != token || m.Credential.ID != hex.EncodeToString(sum[:2]) {
		t.Error("the value is not the server's token")
	}
	var set bool
	for len(seen) > 0 {
		set = <-seen == "ACL SETUSER app >"+token || set
	}
	if !set {
		t.Error("the token was not added")
	}
}

// TestNoAnswerIsQuoted holds that an answer that quotes the command, as those
// of ACL SETUSER do, tells nothing of it.
func TestNoAnswerIsQuoted(t *testing.T) {
	const own = "PAWLCANARY-own-0123456789"
	for answer, want := range map[string]driver.ErrorKind{
		"-ERR Error in ACL SETUSER modifier '$COMMAND': Syntax error\r\n": driver.Invalid,
		"-$COMMAND\r\n": driver.Invalid, "-LOADING $COMMAND\r\n": driver.Unavailable, "-NOPERM $COMMAND\r\n": driver.Denied,
		"-WRONGPASS $COMMAND\r\n": driver.Unauthenticated, "-ERR max number of clients reached\r\n": driver.Limited, "?$COMMAND\r\n": driver.Malformed,
	} {
		conn := open(t, managed(t, map[string]string{"AUTH": answer}, make(chan string, 20)), 6379, "default", own)
		_, err := conn.List(t.Context(), user("app"))
		e := kindOf(t, err, want)
		if all := fmt.Sprintf("%v %+v %#v %v", e, e, e, e.Err); strings.Contains(all, own) || e.Effect != pawl.EffectNone {
			t.Errorf("the error tells the command or has an effect: %s", e.Kind)
		}
	}
}
