package upstash

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/redis"
)

// command logs in at a server and runs commands, whose answers are looked at
// for errors alone.
func command(ctx context.Context, s *redis.Server, user, password string, commands ...[]string) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	from := bufio.NewReader(c)
	for _, args := range append([][]string{{"AUTH", user, password}}, commands...) {
		if _, err := c.Write(encode(args...)); err != nil {
			return err
		}
		if _, err := reply(from); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
	}
	return nil
}

// encode writes a command (RESP, "Sending commands to a Redis server").
func encode(args ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.Bytes()
}

// bulk writes a text as an answer.
func bulk(text string) []byte { return fmt.Appendf(nil, "$%d\r\n%s\r\n", len(text), text) }

// errRefused is an answer that is an error. The server's own text may quote
// what it was sent.
var errRefused = errors.New("the server refuses")

// reply reads an answer and gives it as it came. An error is errRefused too.
func reply(from *bufio.Reader) ([]byte, error) {
	line, err := from.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(line[1:]))) // a length, where there is one
	switch line[0] {
	case '-':
		return line, errRefused
	case '$':
		if n < 0 {
			return line, nil
		}
		rest := make([]byte, n+2)
		_, err := io.ReadFull(from, rest)
		return append(line, rest...), err
	case '*':
		for range max(n, 0) {
			item, err := reply(from)
			if line = append(line, item...); err != nil {
				return line, err
			}
		}
	}
	return line, nil
}

// parse takes one command off what a client has sent. ok is false where it is
// not whole yet; args is nil for what is no command in the usual form.
func parse(in []byte) (args []string, size int, ok bool) {
	if len(in) == 0 {
		return nil, 0, false
	}
	if in[0] != '*' {
		return nil, len(in), true
	}
	count, at, ok := number(in, 0)
	for range count {
		var n int
		if n, at, ok = number(in, at); !ok || at+n+2 > len(in) {
			return nil, 0, false
		}
		args, at = append(args, string(in[at:at+n])), at+n+2
	}
	return args, at, ok
}

// number reads a line like *3 or $5 and gives where the next one begins.
func number(in []byte, at int) (n, next int, ok bool) {
	end := bytes.Index(in[min(at, len(in)):], []byte("\r\n"))
	if end < 1 {
		return 0, 0, false
	}
	n, err := strconv.Atoi(string(in[at+1 : at+end]))
	return n, at + end + 2, err == nil && n >= 0
}
