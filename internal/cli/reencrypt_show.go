package cli

import (
	"fmt"
	"io"
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
	fmt.Fprintf(&b, "%s  sweep %d  %3.0f %%  %s rows %s  %s rows/s", s.table, p.Sweep, p.Part*100, grouped(p.Done), s.verb, grouped(int64(p.Rate)))
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

// text shows the result to a person.
func (d *reencryptDoc) text(w io.Writer) error {
	var b strings.Builder
	took := time.Duration(d.Seconds * float64(time.Second))
	rate := ""
	if d.Seconds > 0 {
		rate = ", " + grouped(int64(float64(d.Rows)/d.Seconds)) + " rows/s"
	}
	if d.DryRun {
		fmt.Fprintf(&b, "%s: %s rows with %s values would be written; every value was opened in %s\n", d.Table, grouped(d.Rows), grouped(d.Values), took.Round(time.Millisecond))
		if d.Rows > 0 {
			fmt.Fprintf(&b, "  writing takes about four times that, %s, and some %s of write-ahead log\n", (4 * took).Round(100*time.Millisecond), bytesText(d.Rows*walPerRow))
		}
		if d.Unreadable > 0 {
			fmt.Fprintf(&b, "  %s values open with no key\n", grouped(d.Unreadable))
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
	fmt.Fprintf(&b, "%s: %s rows with %s values written in %s%s\n", d.Table, grouped(d.Rows), grouped(d.Values), took.Round(time.Millisecond), rate)
	if d.Conflicts > 0 {
		fmt.Fprintf(&b, "  %s rows were changed by somebody else in between, and done again\n", grouped(d.Conflicts))
	}
	fmt.Fprintf(&b, "  %s rows are left that are not under the new key, counted after all was on disk\n", grouped(d.Left))
	if d.Fence {
		b.WriteString("  the database refuses older formats from now on\n")
	}
	switch {
	case d.Left > 0:
	case d.KeepUntil.IsZero():
		b.WriteString("  keep the old key until the last backup that has old rows is gone; --backups 30d says when that is\n")
	case d.kept == 0:
		b.WriteString("  the old key may go now\n")
	default:
		fmt.Fprintf(&b, "  the old key may go on %s: backups from before need it until then\n", d.KeepUntil.Local().Format("2 Jan 2006 15:04"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// walPerRow is about how many bytes of write-ahead log a row with two values
// of 100 bytes costs, as make bench-reencrypt measures.
const walPerRow = 930

// bytesText shows a number of bytes.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
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
