package redis

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// said reads one answer.
func said(text string) (any, error) {
	return (&reply{in: bufio.NewReader(strings.NewReader(text))}).read(0)
}

// TestAnswers has one answer of each type of RESP2 and RESP3.
func TestAnswers(t *testing.T) {
	for text, want := range map[string]any{
		"+OK\r\n": "OK", "+\r\n": "", ":-7\r\n": int64(-7), "$5\r\na\r\nb \r\n": "a\r\nb ", "$0\r\n\r\n": "", "$-1\r\n": nil, "*-1\r\n": nil, "_\r\n": nil,
		"*0\r\n": []any{}, "*3\r\n+a\r\n:1\r\n*1\r\n$-1\r\n": []any{"a", int64(1), []any{nil}}, "#t\r\n": true, "#f\r\n": false, ",3.25\r\n": "3.25",
		"(3492890328409238509324850943850943825024385\r\n": "3492890328409238509324850943850943825024385", "=7\r\ntxt:abc\r\n": "abc",
		"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n": []any{"a", int64(1), "b", int64(2)}, "~2\r\n+a\r\n+b\r\n": []any{"a", "b"},
		">2\r\n+invalidate\r\n+key\r\n+OK\r\n": "OK", "|1\r\n+ttl\r\n:9\r\n+OK\r\n": "OK",
		"-ERR no\r\n": refusal("ERR no"), "!6\r\nERR no\r\n": refusal("ERR no"),
		"+" + strings.Repeat("x", 10_000) + "\r\n": strings.Repeat("x", 10_000), // longer than the buffer
	} {
		got, err := said(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%.40q: %v\n%s", text, err, diff)
		}
	}
}

// TestAnswersThatAreNone has what no server says, and what ends too early: the
// first is no answer, the second a connection that was lost.
func TestAnswersThatAreNone(t *testing.T) {
	for _, text := range []string{"\r\n", "\n", "?x\r\n", "+OK\n", ":x\r\n", ":\r\n", "$x\r\n", "$-2\r\n", "$?\r\n", "*?\r\n", "#x\r\n", "$3\r\nabcd\r\n", "=2\r\nab\r\n",
		"=4\r\nabcd\r\n", "$99999999999999999999\r\n", "$1073741824\r\n", "*1073741824\r\n", "%1073741824\r\n", "*2147483647\r\n",
		strings.Repeat("*1\r\n", 100) + "+x\r\n", "+" + strings.Repeat("x", maxBytes) + "\r\n", "*2\r\n$700000\r\n" + strings.Repeat("x", 700_000) + "\r\n$700000\r\n"} {
		if got, err := said(text); !errors.Is(err, errReply) {
			t.Errorf("%.40q gives %v, %v", text, got, err)
		}
	}
	whole := "*2\r\n%1\r\n+a\r\n$5\r\nhello\r\n=7\r\ntxt:abc\r\n"
	for n := range len(whole) {
		if _, err := said(whole[:n]); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %q: %v", whole[:n], err)
		}
	}
}

// TestCommandsAreWrittenOnce holds that a command is one write, whatever is in
// it, and that its answer is the one that is given.
func TestCommandsAreWrittenOnce(t *testing.T) {
	line := &recorded{Reader: strings.NewReader("-WRONGPASS no\r\n+PONG\r\n")}
	w := newWire(line)
	if _, err := w.do("AUTH", "app", "a \r\n$1\r\n\x00é"); !errors.As(err, new(refusal)) {
		t.Errorf("the refusal is %v", err)
	}
	if got, err := w.do("PING"); got != "PONG" || err != nil {
		t.Errorf("the answer is %v, %v", got, err)
	}
	want := []string{"*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$11\r\na \r\n$1\r\n\x00é\r\n", "*1\r\n$4\r\nPING\r\n"}
	if diff := cmp.Diff(want, line.writes); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if !bytes.Equal(line.last, make([]byte, len(line.last))) {
		t.Error("a command is left in memory")
	}
}

// recorded keeps what is written.
type recorded struct {
	io.Reader
	writes []string
	last   []byte
}

func (r *recorded) Write(b []byte) (int, error) {
	r.writes, r.last = append(r.writes, string(b)), b
	return len(b), nil
}

// FuzzReply holds that no answer makes the reader panic, read on for ever or
// keep more than its bounds, and that what it takes ends where it says.
func FuzzReply(f *testing.F) {
	for _, text := range []string{"+OK\r\n", "-ERR no\r\n", "*2\r\n$1\r\na\r\n_\r\n", "%1\r\n+a\r\n~1\r\n#t\r\n", ">1\r\n+x\r\n|1\r\n+a\r\n+b\r\n:1\r\n", "=7\r\ntxt:abc\r\n", "$-1\r\n", "*1000000\r\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &reply{in: bufio.NewReader(bytes.NewReader(text))}
		_, err := r.read(0)
		if r.bytes > maxBytes+len(text) || r.items > maxItems+1 {
			t.Fatalf("it read %d bytes and %d items", r.bytes, r.items)
		}
		if err != nil && !errors.Is(err, errReply) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if err == nil && text[len(text)-1-r.in.Buffered()] != '\n' && len(text) < 4096 {
			t.Fatal("an answer does not end with a line break")
		}
	})
}
