package reencrypt

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestPaceFollowsWhatSuffers tells a pace of a replica that falls behind, of
// statements that take long and of an old transaction: a replica cannot be made
// to fall behind at will.
func TestPaceFollowsWhatSuffers(t *testing.T) {
	o := Options{MaxLag: 10 * time.Second, MaxLatency: 100 * time.Millisecond, MaxSnapshot: time.Minute}
	for _, tt := range []struct {
		name          string
		took          time.Duration // of statements
		lag, snapshot time.Duration
		held          string
	}{
		{"all is well", time.Millisecond, 10 * time.Second, time.Minute, ""},
		{"a replica is behind", time.Millisecond, 11 * time.Second, 0, "at 50 %: a replica is 11s behind"},
		{"a replica is far behind", time.Millisecond, 21 * time.Second, 0, "waits: a replica is 21s behind"},
		{"statements take long", 101 * time.Millisecond, 0, 0, "at 50 %: a statement takes 101ms"},
		{"a transaction is old", time.Millisecond, 0, 61 * time.Second, "waits: the session 7 has been in a transaction for 1m1s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPace(o, time.Now, false)
			p.took(tt.took)
			p.saw(tt.lag, tt.snapshot, "7")
			if got := p.held(); !strings.HasPrefix(got, tt.held) || tt.held == "" && got != "" {
				t.Fatalf("it is held by %q, want %q", got, tt.held)
			}
			ctx, cancel := context.WithCancel(t.Context())
			if !strings.HasPrefix(tt.held, "waits") {
				cancel()
				return
			}
			waited := make(chan error, 2)
			go func() { waited <- p.wait(t.Context(), 1) }()
			cancel()
			if err := p.wait(ctx, 1); err == nil {
				t.Error("it did not wait")
			}
			p.saw(0, 0, "")
			if err := <-waited; err != nil || p.held() != "" {
				t.Errorf("it is well again, and still: %v, %q", err, p.held())
			}
		})
	}
}

func TestPaceRecovers(t *testing.T) {
	p := newPace(Options{MaxLag: time.Second, MaxLatency: time.Second, MaxSnapshot: time.Minute}, time.Now, false)
	for range 20 {
		p.saw(1500*time.Millisecond, 0, "")
	}
	if p.share != leastShare {
		t.Errorf("it still works %v of the time, want %v", p.share, leastShare)
	}
	for range 20 {
		p.saw(0, 0, "")
	}
	if p.share != 1 || p.held() != "" {
		t.Errorf("it works %v of the time, held by %q", p.share, p.held())
	}
}
