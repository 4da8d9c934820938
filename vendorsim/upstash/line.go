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
// client's TLS would be in. DialTLS is with it.
func (u *Upstash) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return u.connect(ctx, network, address, func(c net.Conn) net.Conn { return c })
}

// connect opens a client's line. secure puts TLS around Upstash's end of it.
func (u *Upstash) connect(ctx context.Context, network, address string, secure func(net.Conn) net.Conn) (net.Conn, error) {
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
	server, err := (&net.Dialer{}).DialContext(ctx, network, d.server.Addr())
	if err != nil {
		return nil, err
	}
	client, ours, err := pair(ctx)
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	l := &line{u: u, d: d, client: secure(ours), server: server, answers: bufio.NewReader(server)}
	go func() {
		l.serve()
		_, _ = ours.Close(), server.Close() // either may be closed
	}()
	return client, nil
}

// pair gives both ends of a connection on loopback. One in memory has no room:
// where both ends write, as in a TLS handshake that fails, it stands still.
func pair(ctx context.Context) (client, ours net.Conn, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = listener.Close() }() // it has done its work
	if client, err = (&net.Dialer{}).DialContext(ctx, "tcp", listener.Addr().String()); err != nil {
		return nil, nil, err
	}
	if ours, err = listener.Accept(); err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, ours, nil
}

// line is a client's connection to a database. What Upstash answers otherwise
// than Redis is answered here; everything else is the server's.
type line struct {
	u              *Upstash
	d              *database
	client, server net.Conn
	answers        *bufio.Reader // the server's
}

// serve passes on one command at a time until either side ends. Each has one
// answer: there are no subscriptions.
func (l *line) serve() {
	var in []byte
	b := make([]byte, 4<<10)
	for {
		n, err := l.client.Read(b)
		if err != nil {
			return
		}
		for in = append(in, b[:n]...); ; {
			args, size, ok := parse(in)
			if !ok {
				break
			}
			answer, err := l.answer(args, in[:size])
			if err != nil {
				return
			}
			if _, err := l.client.Write(answer); err != nil {
				return
			}
			in = in[size:]
		}
	}
}

// answer gives Upstash's own answer to a client that has logged in, and the
// server's to everything else. A client that has not is refused by the server.
func (l *line) answer(args []string, raw []byte) ([]byte, error) {
	own := l.u.answer(l.d, args)
	if own != nil {
		raw = encode("ACL", "WHOAMI")
	}
	if _, err := l.server.Write(raw); err != nil {
		return nil, err
	}
	answer, err := reply(l.answers)
	if own != nil && err == nil {
		return own(), nil
	}
	if errors.Is(err, errRefused) {
		err = nil
	}
	return answer, err
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
