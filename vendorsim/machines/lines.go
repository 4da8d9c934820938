package machines

import (
	"bytes"
	"sync"
)

// longest is how many bytes of a line are one entry of a log; the rest is the
// next.
const longest = 16 << 10

// lines hands on what is written to it line by line.
type lines struct {
	log func(string)

	mu   sync.Mutex
	rest []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := append(l.rest, b...)
	for {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		if !whole && len(line) < longest {
			l.rest = bytes.Clone(rest)
			return len(b), nil
		}
		if len(line) > longest {
			line, after = rest[:longest], rest[longest:]
		}
		l.log(string(bytes.TrimSuffix(line, []byte("\r"))))
		rest = after
	}
}

// flush hands on what no end of a line came after.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.log(string(l.rest))
		l.rest = nil
	}
}
