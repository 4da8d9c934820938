package demo

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// screen has lines that stay, and on a terminal one below them that tells of
// the users' requests while they are made. It is safe for concurrent use.
type screen struct {
	out      io.Writer // nil is none
	terminal bool

	mu   sync.Mutex
	live fmt.Stringer // nil is nothing
}

// refresh is how often the last line is written anew.
const refresh = 100 * time.Millisecond

// line writes a line that stays.
func (s *screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return
	}
	s.clear()
	fmt.Fprintln(s.out, text)
	s.last()
}

func (s *screen) clear() {
	if s.terminal && s.live != nil {
		fmt.Fprint(s.out, "\r\x1b[K")
	}
}

func (s *screen) last() {
	if s.terminal && s.live != nil {
		fmt.Fprintf(s.out, "\r\x1b[K%s", s.live)
	}
}

// follow shows something in the last line until stop is called.
func (s *screen) follow(live fmt.Stringer) (stop func()) {
	if s.out == nil || !s.terminal {
		return func() {}
	}
	s.mu.Lock()
	s.live = live
	s.mu.Unlock()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(refresh)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				s.mu.Lock()
				s.last()
				s.mu.Unlock()
			}
		}
	}()
	return func() {
		close(end)
		<-ended
		s.mu.Lock()
		defer s.mu.Unlock()
		s.clear()
		s.live = nil
	}
}

func (d *Demo) say(format string, args ...any) { d.screen.line(fmt.Sprintf(format, args...)) }

// paint paints a text on a terminal.
func (d *Demo) paint(color, text string) string {
	if !d.Color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
