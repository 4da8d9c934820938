package cli

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl/envelope/reencrypt"
)

// reencryptShow shows a job while it runs: one live line on a terminal, a
// plain line now and then in a pipe, nothing with --json.
type reencryptShow struct {
	a      *App
	table  string
	verb   string
	report *os.File
	lost   error // why the report is not whole; of one goroutine at a time
	mu     sync.Mutex
	told   int
	drawn  bool
	last   time.Time // of a line in a pipe
}

// pipeEach is how often a pipe gets a line.
const pipeEach = 10 * time.Second

func newReencryptShow(a *App, table string, dry bool, report *os.File) *reencryptShow {
	s := &reencryptShow{a: a, table: table, verb: "written", report: report}
	if dry {
		s.verb = "opened"
	}
	return s
}

func (s *reencryptShow) progress(p reencrypt.Progress) {
	if s.a.JSON {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.a.Streams.ErrTTY {
		s.erase()
		text := s.text(p)
		if w := s.a.Streams.Width(); len([]rune(text)) >= w {
			text = string([]rune(text)[:w-1])
		}
		fmt.Fprint(s.a.Streams.Err, text)
		s.drawn = true
		return
	}
	now := s.a.now()
	if s.last.IsZero() { // the first line comes when there is something to tell
		s.last = now
	}
	if now.Sub(s.last) >= pipeEach {
		s.last = now
		fmt.Fprintln(s.a.Streams.Err, s.text(p))
	}
}

const barCells = 20

func (s *reencryptShow) text(p reencrypt.Progress) string {
	var b strings.Builder
	if s.a.Streams.ErrTTY {
		full := int(p.Part * barCells)
		b.WriteString(strings.Repeat("█", full) + strings.Repeat("░", barCells-full) + " ")
	}
	if p.Counting {
		fmt.Fprintf(&b, "%s  sweep %d  counts what is left  %s rows %s", s.table, p.Sweep, grouped(p.Done), s.verb)
	} else {
		fmt.Fprintf(&b, "%s  sweep %d  %3.0f %%  %s rows %s  %s rows/s", s.table, p.Sweep, p.Part*100, grouped(p.Done), s.verb, grouped(int64(p.Rate)))
	}
	if p.Left > 0 {
		fmt.Fprintf(&b, "  %s left", max(time.Second, p.Left.Round(time.Second)))
	}
	if p.Conflicts > 0 {
		fmt.Fprintf(&b, "  %s conflicts", grouped(p.Conflicts))
	}
	if p.Unreadable > 0 {
		fmt.Fprintf(&b, "  %s unreadable", grouped(p.Unreadable))
	}
	if p.Held != "" {
		b.WriteString("  " + p.Held)
	}
	return b.String()
}

// line writes a line above the live one. It is called with mu held.
func (s *reencryptShow) line(text string) {
	if s.a.JSON {
		return
	}
	s.erase()
	fmt.Fprintln(s.a.Streams.Err, text)
}

func (s *reencryptShow) erase() {
	if s.drawn {
		fmt.Fprint(s.a.Streams.Err, "\r\x1b[K")
		s.drawn = false
	}
}

func (s *reencryptShow) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	if s.told > maxTold {
		s.line(fmt.Sprintf("and %s more", grouped(int64(s.told-maxTold))))
	}
}

// grouped shows a number with commas.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// logger is for what a job survived, on standard error.
func (a *App) logger() *slog.Logger {
	if a.JSON {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(a.Streams.Err, &slog.HandlerOptions{ReplaceAttr: func(_ []string, at slog.Attr) slog.Attr {
		if at.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return at
	}}))
}
