package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// TestMain is also the job: a process of its own is what can be killed.
func TestMain(m *testing.M) {
	if os.Getenv(asJob) == "" {
		servertest.Main(m)
	}
	rate := flag.Int("rate", 0, "")
	overwrite := flag.Bool("overwrite", false, "")
	flag.Parse()
	if err := runJob(context.Background(), *rate, *overwrite); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestNoWriteIsLost is make reencrypt-torture on a small table: one kill, one
// crash of the server, and a job without compare-and-swap that must be found out.
func TestNoWriteIsLost(t *testing.T) {
	servertest.Needed(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	job := func(args ...string) func(context.Context, int) *exec.Cmd {
		return func(ctx context.Context, rate int) *exec.Cmd {
			return exec.CommandContext(ctx, self, append(args, "-rate", fmt.Sprint(rate))...)
		}
	}
	c := config{rows: 20_000, rate: 8_000, tx: 400, kills: 1, quiet: 200 * time.Millisecond, seed: 1, job: job(), broken: job("-overwrite"), out: &out}
	if err := torture(t.Context(), c); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	text := strings.TrimSpace(out.String())
	if last := text[strings.LastIndexByte(text, '\n')+1:]; last != "reencrypt-torture: lost=0 undecryptable=0 old_left=0" {
		t.Errorf("it found nothing, and said %q", last)
	}
	for _, want := range []string{"killed 1 times, PostgreSQL crashed once\n", " p99 "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
