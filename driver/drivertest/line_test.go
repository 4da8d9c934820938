package drivertest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// lineMistakes says what the suite must complain of where there is no HTTP.
func lineMistakes() map[string]string {
	return map[string]string{
		"line: certain of nothing": `nothing was changed, and the error says "unknown"`,
		"line: no effect":          "the error says that nothing was changed, but something was",
		"line: tries again":        "the call was made again",
		"line: swallows outages":   "the act went on as if nothing had happened",
		"line: undeclared call":    "a call that Info does not declare: LINE LIST",
		"line: quotes the answer":  "a credential or value is in the error",
		"line: deaf to its end":    "the error is not context.Canceled",
		"line: wrong kind":         "the error's kind is invalid",
	}
}

func TestGoodLineDriverPasses(t *testing.T) {
	drivertest.Run(t, lineDriver{os.Getenv(planted)}, lineWorld)
}

// ledger is a server that speaks lines: AUTH, ADD and LIST.
type ledger struct {
	mu   sync.Mutex
	keys []string // "id name"
}

func lineWorld(testing.TB, *drivertest.Clock) drivertest.World {
	l := &ledger{}
	return drivertest.World{Dial: l.dial, Settings: estate.Settings{}, Credential: secret.NewString(owner),
		Call: func(sent []byte) string {
			word, _, _ := strings.Cut(string(sent), " ")
			return "LINE " + strings.TrimSpace(word)
		},
		Cases: []drivertest.Case{{Role: estate.RoleIssuer, Kind: "key", Settings: estate.Settings{}, State: func() string {
			l.mu.Lock()
			defer l.mu.Unlock()
			return strings.Join(l.keys, "\n")
		}}}}
}

func (l *ledger) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	go func() {
		defer func() { _ = there.Close() }()
		known := false
		for lines := bufio.NewScanner(there); lines.Scan(); {
			answer := l.answer(lines.Text(), &known)
			if _, err := io.WriteString(there, answer+"\n"); err != nil {
				return
			}
		}
	}()
	return here, nil
}

func (l *ledger) answer(line string, known *bool) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case word == "AUTH":
		*known = rest == owner
		return fmt.Sprint(*known)
	case !*known:
		return "who"
	case word == "ADD":
		l.keys = append(l.keys, fmt.Sprintf("k%d %s", len(l.keys), rest))
		return fmt.Sprintf("k%d", len(l.keys)-1)
	default:
		return "keys " + strings.Join(l.keys, ",")
	}
}

// lineDriver is a good driver but for one mistake.
type lineDriver struct{ mistake string }

func (d lineDriver) Info() driver.Info {
	i := driver.Info{Since: "0.1", APIDocs: "https://vendor.test/docs", Notes: "None.", Spec: estate.Spec{Name: "drivertest_test", Title: "Ledger", Credential: estate.NeedsCredential,
		Kinds: []estate.Kind{{Role: estate.RoleIssuer, Name: "key", Doc: "A key.",
			Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Lists: true}}}}}
	for _, word := range []string{"AUTH", "ADD", "LIST"} {
		if d.mistake != "line: undeclared call" || word != "LIST" {
			i.Calls = append(i.Calls, driver.Call{Method: "LINE", Path: word, Permission: "any", For: "acts"})
		}
	}
	return i
}

func (d lineDriver) Open(env driver.Env, _ estate.Settings) (driver.Conn, error) {
	return lineConn{d.mistake, env}, nil
}

type lineConn struct {
	mistake string
	env     driver.Env
}

func (lineConn) Close() error { return nil }

// talk logs in and says one line. writes says that the line changes something.
func (c lineConn) talk(ctx context.Context, line string, writes bool) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", tcp.Failure(ctx, "talk", "", false, err)
	}
	d := tcp.NewDialer(ctx, c.env)
	conn, err := d.Dial(ctx, "tcp", "ledger:1")
	if err != nil {
		return "", c.wrong(d.Failure("talk", "", false, err), "")
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	say := func(line string, writes bool) (string, error) {
		before := d.Sent()
		if _, err := io.WriteString(conn, line+"\n"); err != nil {
			return "", c.wrong(d.Failure("talk", "", writes && d.Sent() > before, err), "")
		}
		text, err := in.ReadString('\n')
		if err != nil {
			return "", c.wrong(d.Failure("talk", "", writes, err), "")
		}
		return strings.TrimSpace(text), nil
	}
	own, err := c.env.Credential(ctx)
	if err != nil {
		return "", tcp.Failure(ctx, "talk", "", false, err)
	}
	var word string
	if err := own.Use(func(b []byte) error { word, err = say("AUTH "+string(b), false); return err }); err != nil {
		return "", err
	}
	switch word {
	case "true":
	case "false":
		return "", &driver.Error{Op: "talk", Kind: driver.Unauthenticated, Effect: pawl.EffectNone}
	default:
		_, err := in.ReadString(0)
		rest := ""
		if c.mistake == "line: quotes the answer" {
			rest, err = word+" AUTH "+owner, nil
		}
		return "", c.wrong(d.Failure("talk", "", false, errors.Join(err, errors.New("no answer to AUTH"))), rest)
	}
	answer, err := say(line, writes)
	if err != nil || strings.HasPrefix(answer, "keys") || strings.HasPrefix(answer, "k") {
		return answer, err
	}
	return "", c.wrong(tcp.Failure(ctx, "talk", "", writes, errors.New("no answer to the line")), "")
}

// wrong makes the mistakes that any failure can have.
func (c lineConn) wrong(e *driver.Error, quoted string) *driver.Error {
	e.Why += quoted
	switch c.mistake {
	case "line: certain of nothing":
		e.Effect = pawl.EffectUnknown
	case "line: no effect":
		e.Effect = pawl.EffectNone
	case "line: deaf to its end":
		e.Err = nil
	case "line: wrong kind":
		e.Kind = driver.Invalid
	}
	return e
}

func (c lineConn) Probe(ctx context.Context, _ driver.Target) ([]driver.Grant, error) {
	_, err := c.talk(ctx, "LIST", false)
	return []driver.Grant{{Need: "list keys", Has: driver.Yes}}, err
}

func (c lineConn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	id, err := c.talk(ctx, "ADD "+r.Name, true)
	if err != nil && c.mistake == "line: tries again" {
		id, err = c.talk(ctx, "ADD "+r.Name, true)
	}
	return driver.Minted{Credential: driver.Credential{ID: id}, Value: secret.One(secret.NewString("PAWLCANARY-" + id + "-0123456789"))}, err
}

func (c lineConn) List(ctx context.Context, _ driver.Target) ([]driver.Credential, error) {
	answer, err := c.talk(ctx, "LIST", false)
	if e := driver.AsError("list", err); e != nil && c.mistake == "line: swallows outages" && e.Kind == driver.Unavailable && ctx.Err() == nil {
		return nil, nil
	}
	var list []driver.Credential
	for _, key := range strings.Split(strings.TrimPrefix(answer, "keys "), ",") {
		id, name, _ := strings.Cut(key, " ")
		list = append(list, driver.Credential{ID: id, Name: name})
	}
	return list, err
}

func (lineConn) Revoke(context.Context, driver.Target, driver.Credential, secret.Parts) error {
	return &driver.Error{Op: "revoke", Kind: driver.Unsupported, Effect: pawl.EffectNone}
}
