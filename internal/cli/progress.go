package cli

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
)

// progress shows rotations while they run: on a terminal a line that lives
// for each step under way, with its elapsed time; in a pipe one plain line an
// event, with the time; with --json nothing.
type progress struct {
	s     *Streams
	off   bool
	mu    sync.Mutex
	live  []liveLine
	drawn int
	many  bool // more than one rotation: lines name the secret
	first pawl.RotationID
	stop  chan struct{}
	ended sync.WaitGroup
}

type liveLine struct {
	id    pawl.RotationID
	step  string
	text  string
	since time.Time
	until time.Time // of a planned wait; zero for a step that is asked again and again
}

// elapsed is how long a step takes so far, or how much of its wait is left.
func (l *liveLine) elapsed(now time.Time) string {
	if l.until.IsZero() {
		return now.Sub(l.since).Truncate(100 * time.Millisecond).String()
	}
	return max(0, l.until.Sub(now)).Truncate(time.Second).String() + " left"
}

const redraw = 200 * time.Millisecond

func newProgress(a *App) *progress {
	p := &progress{s: a.Streams, off: a.JSON, stop: make(chan struct{})}
	if p.s.ErrTTY && !p.off {
		p.ended.Go(p.tick)
	}
	return p
}

// close ends the live lines.
func (p *progress) close() {
	close(p.stop)
	p.ended.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
}

func (p *progress) tick() {
	t := time.NewTicker(redraw)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.mu.Lock()
			p.erase()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// observe is the engine's observer.
func (p *progress) observe(e rotation.Entry, st *rotation.State) {
	if p.off {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first == "" {
		p.first = e.Rotation
	}
	p.many = p.many || e.Rotation != p.first
	p.erase()
	p.event(e, st)
	p.draw()
}

func (p *progress) event(e rotation.Entry, st *rotation.State) {
	step, ok := st.Plan.Step(e.Step)
	title := ""
	if ok {
		title = step.Title
	}
	switch e.Kind {
	case rotation.KindIntent:
		p.begin(e, title)
	case rotation.KindOutcome:
		p.end(e)
		p.outcome(e, title)
	case rotation.KindWaiting:
		p.waiting(e, title, st)
	case rotation.KindLate:
		p.line(e, "!", red, "DEADLINE PASSED: "+e.Detail, "it was "+e.Until.Local().Format("2 Jan 15:04"))
	case rotation.KindLook:
		p.line(e, "?", yellow, "looked: "+e.Detail, "")
	case rotation.KindUndoing:
		p.line(e, "<", yellow, "turning back: "+e.Why, "")
	case rotation.KindHeld:
		p.line(e, "!", red, "held safely: "+e.Why, "next: "+e.Next)
	case rotation.KindResumed:
		p.line(e, ">", green, "goes on: "+e.Why, "")
	}
}

func (p *progress) begin(e rotation.Entry, title string) {
	if !p.s.ErrTTY {
		return
	}
	p.keep(e, title, time.Time{})
}

// keep puts what a step does now into its live line. The time that it took so
// far goes on.
func (p *progress) keep(e rotation.Entry, text string, until time.Time) {
	text = p.prefix(e) + text
	for i := range p.live {
		if l := &p.live[i]; l.id == e.Rotation && l.step == e.Step {
			l.text, l.until = text, until
			return
		}
	}
	p.live = append(p.live, liveLine{id: e.Rotation, step: e.Step, text: text, since: time.Now(), until: until})
}

func (p *progress) end(e rotation.Entry) {
	for i, l := range p.live {
		if l.id == e.Rotation && l.step == e.Step {
			p.live = append(p.live[:i], p.live[i+1:]...)
			return
		}
	}
}

func (p *progress) outcome(e rotation.Entry, title string) {
	switch e.Result {
	case rotation.ResultOK:
		p.line(e, "✓", green, title, proof(e))
	case rotation.ResultWaived:
		p.line(e, "~", yellow, title, e.Detail)
	case rotation.ResultRetry:
		p.line(e, "…", yellow, e.Why, fmt.Sprintf("next try %s", e.Until.Local().Format("15:04:05")))
	default:
		p.line(e, "✗", red, e.Why, e.Next)
	}
}

// proof says how strong the evidence of a step is.
func proof(e rotation.Entry) string {
	switch {
	case e.Strength != "" && e.Detail == "":
		return "confirmed by " + e.Strength
	case e.Credential != nil && e.Credential.ID != "" && e.Detail == "":
		return "credential " + e.Credential.ID
	default:
		return e.Detail
	}
}

// waiting shows a question, a planned wait, or what is so far of something
// that is looked at until it is so. The latter would fill a terminal: there it
// is a live line only.
func (p *progress) waiting(e rotation.Entry, title string, st *rotation.State) {
	switch {
	case e.Next != "":
		p.end(e)
		p.line(e, "?", yellow, e.Detail, "next: "+e.Next)
		p.brief(e, st)
	case e.Detail == title:
		p.line(e, "…", dim, title, "until "+e.Until.Local().Format("2 Jan 15:04:05"))
		if p.s.ErrTTY {
			p.keep(e, title, e.Until)
		}
	case p.s.ErrTTY && !e.Until.IsZero():
		p.keep(e, title+"  "+e.Detail, time.Time{})
	case e.Until.IsZero(): // nothing but a person ends it
		p.end(e)
		p.line(e, "?", yellow, title, e.Detail)
		p.brief(e, st)
	default:
		p.line(e, "…", dim, title, e.Detail)
	}
}

// brief tells who is asked what to do, and whom to ask.
func (p *progress) brief(e rotation.Entry, st *rotation.State) {
	if step, ok := st.Plan.Step(e.Step); ok {
		for _, line := range st.Plan.Brief(step).Lines() {
			if p.s.ErrTTY {
				fmt.Fprintf(p.s.Err, "  %s\n", p.paint(dim, line))
			} else {
				p.line(e, "?", dim, line, "")
			}
		}
	}
}

func (p *progress) prefix(e rotation.Entry) string {
	if !p.many || e.Secret == "" {
		return ""
	}
	return string(e.Secret) + ": "
}

// line prints one line that stays.
func (p *progress) line(e rotation.Entry, mark, color, text, note string) {
	if note != "" {
		note = "  " + p.paint(dim, note)
	}
	if p.s.ErrTTY {
		fmt.Fprintf(p.s.Err, "%s %s%s%s\n", p.paint(color, mark), p.prefix(e), text, note)
		return
	}
	fmt.Fprintf(p.s.Err, "%s %s %s %s%s%s\n", e.Time.UTC().Format(time.RFC3339), e.Rotation, mark, p.prefix(e), text, note)
}

// The colours, as SGR codes.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
)

func (p *progress) paint(color, text string) string {
	if !p.s.Color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func (p *progress) erase() {
	if p.drawn > 0 {
		fmt.Fprint(p.s.Err, strings.Repeat("\x1b[1A\x1b[2K", p.drawn))
		p.drawn = 0
	}
}

func (p *progress) draw() {
	if !p.s.ErrTTY || p.off {
		return
	}
	for _, l := range p.live {
		text := fmt.Sprintf("· %s  %s", l.text, l.elapsed(time.Now()))
		if r := []rune(text); len(r) >= p.s.Width() {
			text = string(r[:p.s.Width()-1])
		}
		fmt.Fprintln(p.s.Err, p.paint(dim, text))
		p.drawn++
	}
}
