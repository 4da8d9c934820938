package upstash

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Dial connects to the host and port of a database that has a server behind
// it. There is no TLS in it, which Upstash always has: it is the line that a
// client's TLS would be in.
func (u *Upstash) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	d := u.at(host)
	u.mu.Unlock()
	if d == nil || d.server == nil || port != strconv.Itoa(redisPort) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("nobody listens at " + address)}
	}
	c, err := (&net.Dialer{}).DialContext(ctx, network, d.server.Addr())
	if err != nil {
		return nil, err
	}
	return &line{Conn: c, u: u, d: d, from: bufio.NewReader(c)}, nil
}

// line is a client's connection to a database. What Upstash answers otherwise
// than Redis is answered here; everything else goes to the server. A client
// reads each answer before it sends the next command.
type line struct {
	net.Conn
	u    *Upstash
	d    *database
	from *bufio.Reader
	in   []byte // sent, and not a whole command yet
	out  []byte // answers of Upstash's own
}

// Write takes what a client sends.
func (l *line) Write(b []byte) (int, error) {
	l.in = append(l.in, b...)
	for {
		args, size, ok := parse(l.in)
		if !ok {
			return len(b), nil
		}
		raw := l.in[:size]
		l.in = l.in[size:]
		own := l.u.answer(l.d, args)
		if own == nil {
			if _, err := l.Conn.Write(raw); err != nil {
				return 0, err
			}
			continue
		}
		if err := l.instead(own); err != nil {
			return 0, err
		}
	}
}

// instead gives an answer of Upstash's own to a client that has logged in, and
// the server's refusal to one that has not.
func (l *line) instead(own func() []byte) error {
	if _, err := l.Conn.Write(encode("ACL", "WHOAMI")); err != nil {
		return err
	}
	refusal, err := reply(l.from)
	switch {
	case errors.Is(err, errRefused):
		l.out = append(l.out, refusal...)
	case err != nil:
		return err
	default:
		l.out = append(l.out, own()...)
	}
	return nil
}

// Read gives answers.
func (l *line) Read(b []byte) (int, error) {
	if len(l.out) > 0 {
		n := copy(b, l.out)
		l.out = l.out[n:]
		return n, nil
	}
	return l.from.Read(b)
}

// answer gives what Upstash answers to a command instead of the server, nil
// where it is the server's to answer.
func (u *Upstash) answer(d *database, args []string) func() []byte {
	if len(args) < 2 || !strings.EqualFold(args[0], "ACL") {
		if len(args) > 0 && strings.EqualFold(args[0], "CONFIG") { // not among its commands
			return refusal("ERR unknown command 'CONFIG'")
		}
		return nil
	}
	switch sub := strings.ToUpper(args[1]); {
	case sub == "GENTOKEN" && len(args) == 3:
		return func() []byte {
			u.mu.Lock()
			defer u.mu.Unlock()
			return bulk(u.generate(d, args[2]))
		}
	case sub == "SETUSER" && len(args) > 2:
		if why := u.forbids(d, args[2], args[3:]); why != "" {
			return refusal("ERR " + why)
		}
		return nil
	case sub == "GETUSER", sub == "WHOAMI", sub == "LIST", sub == "USERS", sub == "DELUSER", sub == "LOG", sub == "CAT", sub == "GENPASS", sub == "SAVE", sub == "LOAD":
		return nil
	default:
		return refusal(fmt.Sprintf("ERR unknown subcommand '%s'. Try ACL HELP.", args[1]))
	}
}

func refusal(text string) func() []byte { return func() []byte { return []byte("-" + text + "\r\n") } }

// generate makes a token for a user, who need not exist yet (ACL GENTOKEN).
func (u *Upstash) generate(d *database, user string) string {
	token := u.credential("A", 44)
	d.generated[token] = user
	return token
}

// forbids says what Upstash does not take of the rules for a user (ACL
// SETUSER); the words are guesses.
func (u *Upstash) forbids(d *database, user string, rules []string) string {
	if user == "default" {
		return "the default user can not be modified"
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, r := range rules {
		token, adds := strings.CutPrefix(r, ">")
		switch {
		case adds && d.generated[token] != user:
			return "passwords must be generated with ACL GENTOKEN"
		case strings.HasPrefix(r, "#"):
			return "hashed passwords are not supported"
		case strings.EqualFold(r, "nopass"):
			return "nopass is not supported"
		case (r[:min(1, len(r))] == "+" || r[:min(1, len(r))] == "-") && strings.Contains(r, "|"):
			return "rules for subcommands are not supported"
		}
	}
	return ""
}
