// Command reencrypttorture holds pawl reencrypt to its promise that no write
// of the application is lost. A writer changes rows of a real PostgreSQL all
// the time, some of it as an old instance that still writes the legacy format;
// the job is killed with SIGKILL at random instants, the server crashes once,
// and in the end every row must open with the new key alone and have what the
// writer committed last.
//
// A job without compare-and-swap must fail the same test: one that does not
// see lost writes would prove nothing.
//
//	go run ./internal/reencrypttorture -pawl bin/pawl -rows 200000
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"
)

// config is what is tortured, and how.
type config struct {
	rows  int
	rate  int // of the job, rows a second
	tx    int // of the writer, a second
	kills int
	quiet time.Duration // of the writer alone, to compare with
	seed  uint64
	job   func(ctx context.Context, rate int) *exec.Cmd
	// broken is the job without compare-and-swap.
	broken func(ctx context.Context, rate int) *exec.Cmd
	out    io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	binary := flag.String("pawl", "bin/pawl", "the binary to torture")
	c := config{out: os.Stdout, quiet: 5 * time.Second}
	flag.IntVar(&c.rows, "rows", 200_000, "rows of the table")
	flag.IntVar(&c.rate, "rate", 30_000, "rows a second that the job may write")
	flag.IntVar(&c.tx, "tx", 400, "transactions a second of the writer")
	flag.IntVar(&c.kills, "kills", 5, "how often the job is killed")
	flag.Uint64Var(&c.seed, "seed", uint64(time.Now().UnixNano()), "of the instants")
	job := flag.Bool("job", false, "be a job")
	overwrite := flag.Bool("overwrite", false, "with -job: without compare-and-swap")
	flag.Parse()
	var err error
	if *job {
		err = runJob(ctx, c.rate, *overwrite)
	} else {
		err = run(ctx, c, *binary)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "reencrypt-torture:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, c config, binary string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	c.job = func(ctx context.Context, rate int) *exec.Cmd {
		return exec.CommandContext(ctx, binary, "reencrypt", "--table", table, "--column", "a", "--column", "b", "--column", "c",
			"--database", "env:"+envDatabase, "--new-key", "env:"+envNew, "--old-key", "env:"+envOld, "--rate", fmt.Sprint(rate))
	}
	c.broken = func(ctx context.Context, rate int) *exec.Cmd {
		return exec.CommandContext(ctx, self, "-job", "-overwrite", "-rate", fmt.Sprint(rate))
	}
	fmt.Fprintf(os.Stderr, "reencrypt-torture: seed=%d\n", c.seed)
	return torture(ctx, c)
}
