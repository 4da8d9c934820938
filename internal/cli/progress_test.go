package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// watchedLines gives what a terminal, or a pipe, is sent for some entries.
func watchedLines(tty bool, entries ...rotation.Entry) string {
	var out bytes.Buffer
	p := &progress{s: &Streams{Err: &out, ErrTTY: tty, Width: func() int { return 80 }}}
	st := &rotation.State{Plan: &plan.Plan{Steps: []plan.Step{{ID: "activate-1", Title: "load it"}, {ID: "wait-1", Title: "soak"}}}}
	for _, e := range entries {
		p.observe(e, st)
	}
	p.erase()
	return out.String()
}

// shown gives the lines that are left on a terminal after all that was erased.
func shown(text string) []string {
	const up = "\x1b[1A\x1b[2K"
	var lines []string
	for part := range strings.SplitAfterSeq(strings.ReplaceAll(text, up, "\n"+up+"\n"), "\n") {
		switch line := strings.TrimSuffix(part, "\n"); line {
		case up:
			lines = lines[:len(lines)-1]
		case "":
		default:
			lines = append(lines, line)
		}
	}
	return lines
}

func TestWhatIsLookedAtAgainLivesInOneLine(t *testing.T) {
	soon := time.Now().Add(time.Minute)
	entries := []rotation.Entry{
		{Kind: rotation.KindIntent, Rotation: "r", Step: "activate-1"},
		{Kind: rotation.KindWaiting, Rotation: "r", Step: "activate-1", Detail: "0 of 2", Until: soon},
		{Kind: rotation.KindIntent, Rotation: "r", Step: "activate-1"},
		{Kind: rotation.KindWaiting, Rotation: "r", Step: "activate-1", Detail: "1 of 2", Until: soon},
		{Kind: rotation.KindOutcome, Rotation: "r", Step: "activate-1", Result: rotation.ResultOK, Detail: "2 of 2"},
	}
	if got := shown(watchedLines(true, entries...)); len(got) != 1 || got[0] != "✓ load it  2 of 2" {
		t.Errorf("a terminal shows %q", got)
	}
	if got := watchedLines(false, entries...); strings.Count(got, "\n") != 3 {
		t.Errorf("a pipe has\n%s", got)
	}
}

func TestAPlannedWaitSaysHowLongItLasts(t *testing.T) {
	e := rotation.Entry{Kind: rotation.KindWaiting, Rotation: "r", Step: "wait-1", Detail: "soak", Until: time.Now().Add(time.Minute + time.Second/2)}
	sent := watchedLines(true, e)
	if !strings.Contains(sent, "· soak  1m0s left\n") {
		t.Errorf("no live line says what is left: %q", sent)
	}
	if got := shown(sent); len(got) != 1 || !strings.HasPrefix(got[0], "… soak  until ") {
		t.Errorf("a terminal shows %q", got)
	}
}

func TestAQuestionIsMarked(t *testing.T) {
	e := rotation.Entry{Kind: rotation.KindWaiting, Rotation: "r", Step: "wait-1", Detail: "which one?"}
	if got := shown(watchedLines(true, e)); len(got) != 1 || got[0] != "? soak  which one?" {
		t.Errorf("a terminal shows %q", got)
	}
}
