package redis

import (
	"bufio"
	"errors"
	"io"
	"strconv"
)

// The protocol is RESP (documentation, "Redis serialization protocol
// specification"). Commands are lists of texts. Of answers all types are read
// that RESP2 and RESP3 have, except those that are sent in pieces, since a proxy
// in between may choose the version.

// Bounds of one answer. The longest that pawl asks for, INFO and ACL GETUSER,
// have a few KiB.
const (
	maxBytes = 1 << 20
	maxItems = 1 << 16
	maxDepth = 8
)

// errReply says that an answer does not follow the protocol, or is beyond its
// bounds. What is wrong with it is not said: it may quote what was sent.
var errReply = errors.New("the answer does not follow the protocol")

// refusal is an error that the server answered, in its own words.
type refusal string

// Error gives the server's words, which may quote the command.
func (r refusal) Error() string { return string(r) }

// wire is a connection over which commands go one after the other.
type wire struct {
	out io.Writer
	in  *bufio.Reader
}

func newWire(line io.ReadWriter) *wire { return &wire{out: line, in: bufio.NewReader(line)} }

// do sends a command in one write and reads its answer: a string, an int64, a
// bool, nil, or a list of those as []any; a map is a list of keys and values in
// turns. An error is a refusal, errReply, or that of the connection. After any
// but a refusal the connection is of no more use.
func (w *wire) do(args ...string) (any, error) {
	command := encode(args)
	defer clear(command) // it may hold a password
	if _, err := w.out.Write(command); err != nil {
		return nil, err
	}
	answer, err := (&reply{in: w.in}).read(0)
	if refused, ok := answer.(refusal); ok && err == nil {
		return nil, refused
	}
	return answer, err
}

// encode writes a command into a buffer that never grows, which would leave
// copies behind.
func encode(args []string) []byte {
	const head = 24 // a letter, a length and a line break
	room := head
	for _, a := range args {
		room += head + len(a) + 2
	}
	b := append(strconv.AppendInt(append(make([]byte, 0, room), '*'), int64(len(args)), 10), "\r\n"...)
	for _, a := range args {
		b = append(strconv.AppendInt(append(b, '$'), int64(len(a)), 10), "\r\n"...)
		b = append(append(b, a...), "\r\n"...)
	}
	return b
}

// reply is an answer that is being read.
type reply struct {
	in           *bufio.Reader
	bytes, items int
}

// read reads one value, which may have others in it.
func (r *reply) read(depth int) (any, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	if r.items++; len(line) == 0 || r.items > maxItems || depth > maxDepth {
		return nil, errReply
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ',', '(':
		return rest, nil
	case '-':
		return refusal(rest), nil
	case ':':
		n, err := strconv.ParseInt(rest, 10, 64)
		return n, broken(err)
	case '_':
		return nil, nil
	case '#':
		if rest != "t" && rest != "f" {
			return nil, errReply
		}
		return rest == "t", nil
	}
	n, err := strconv.Atoi(rest)
	switch {
	case err != nil || n < -1:
		return nil, errReply
	case n < 0:
		return nil, nil // RESP2's way to say that there is nothing
	}
	return r.long(kind, n, depth)
}

// long reads a value that begins with a length.
func (r *reply) long(kind byte, n, depth int) (any, error) {
	switch kind {
	case '$':
		return r.text(n)
	case '!':
		text, err := r.text(n)
		return refusal(text), err
	case '=': // three letters say how the text is meant, and a colon follows
		text, err := r.text(n)
		if err == nil && (len(text) < 4 || text[3] != ':') {
			return nil, errReply
		}
		return text[min(4, len(text)):], err
	case '*', '~':
		return r.list(n, depth)
	case '%':
		return r.list(2*min(n, maxItems), depth)
	case '>': // told without being asked; the answer comes after it
		if _, err := r.list(n, depth); err != nil {
			return nil, err
		}
		return r.read(depth)
	case '|': // about the value that comes after it
		if _, err := r.list(2*min(n, maxItems), depth); err != nil {
			return nil, err
		}
		return r.read(depth)
	default:
		return nil, errReply
	}
}

func (r *reply) list(n, depth int) ([]any, error) {
	if n > maxItems-r.items {
		return nil, errReply
	}
	list := make([]any, 0, min(n, 64)) // the length is only what the answer claims
	for range n {
		item, err := r.read(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

// line reads up to a line break and leaves that out.
func (r *reply) line() (string, error) {
	var line []byte
	for {
		part, err := r.in.ReadSlice('\n')
		if r.bytes += len(part); r.bytes > maxBytes {
			return "", errReply
		}
		line = append(line, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return "", err
		}
		n := len(line) - 2
		if n < 0 || line[n] != '\r' {
			return "", errReply
		}
		return string(line[:n]), nil
	}
}

// text reads so many bytes and a line break.
func (r *reply) text(n int) (string, error) {
	if n > maxBytes-r.bytes {
		return "", errReply
	}
	r.bytes += n
	b := make([]byte, n+2)
	if _, err := io.ReadFull(r.in, b); err != nil {
		return "", err
	}
	if b[n] != '\r' || b[n+1] != '\n' {
		return "", errReply
	}
	return string(b[:n]), nil
}

func broken(err error) error {
	if err != nil {
		return errReply
	}
	return nil
}
