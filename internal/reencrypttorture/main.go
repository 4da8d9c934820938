// Command reencrypttorture holds pawl reencrypt to its promise that no write is
// lost: an application writes all the time, in part as an old instance that
// still seals under the old key, while the job is killed five times and the
// server once. Then every row is opened under the new key alone and compared
// with what the application last wrote. Without compare-and-swap the same
// comparison must find lost values, or it would prove nothing.
//
//	go run ./internal/reencrypttorture -pawl bin/pawl
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if os.Getenv(blindEnv) != "" {
		if err := blindJob(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	binary := flag.String("pawl", "bin/pawl", "the binary to kill")
	c := config{rows: 200_000, kills: 5, crash: true, writes: 400, rate: 30_000, alone: 6 * time.Second}
	flag.IntVar(&c.rows, "rows", c.rows, "rows of the table")
	flag.IntVar(&c.writes, "writes", c.writes, "transactions a second that the application makes")
	flag.IntVar(&c.rate, "rate", c.rate, "rows a second that the job may write")
	flag.Parse()
	if err := all(ctx, *binary, c); err != nil {
		fmt.Fprintln(os.Stderr, "reencrypt-torture:", err)
		os.Exit(1)
	}
}

func all(ctx context.Context, binary string, c config) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	c.job = func(ctx context.Context, dsn string) *exec.Cmd { return pawl(ctx, binary, dsn, c.rate) }
	seen, err := torture(ctx, c)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c.job = func(ctx context.Context, dsn string) *exec.Cmd { return blind(ctx, self, dsn, c.rate) }
	c.kills, c.crash, c.alone = 0, false, 0
	without, err := torture(ctx, c)
	if err != nil {
		return fmt.Errorf("without compare-and-swap: %w", err)
	}
	fmt.Printf("the application: %s; p50 %s p99 %s max %s alone; p50 %s p99 %s max %s beside the job at %d rows/s\n", seen.wrote(),
		ms(seen.alone.at(50)), ms(seen.alone.at(99)), ms(seen.alone.at(100)), ms(seen.beside.at(50)), ms(seen.beside.at(99)), ms(seen.beside.at(100)), c.rate)
	fmt.Printf("the job: killed %d times, the server once; %d starts, %d passed over, %s\n", seen.kills, seen.starts, seen.conflicts, seen.took.Round(time.Millisecond))
	fmt.Printf("without compare-and-swap: lost=%d\n", without.lost)
	fmt.Printf("reencrypt-torture: lost=%d undecryptable=%d old_left=%d\n", seen.lost, seen.undecryptable, seen.left)
	switch {
	case seen.lost+seen.undecryptable+seen.left > 0:
		return fmt.Errorf("values were lost, do not open, or are old: %v", seen.examples)
	case without.lost == 0:
		return fmt.Errorf("nothing was lost without compare-and-swap: this proves nothing")
	}
	return nil
}

// pawl is the real command.
func pawl(ctx context.Context, binary, dsn string, rate int) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, "reencrypt", "--table", table, "--column", "a", "--column", "b", "--column", "c",
		"--new-key", "env:NEW_KEY", "--old-key", "env:OLD_KEY", "--rate", strconv.Itoa(rate), "--json")
	cmd.Env = append(os.Environ(), "DATABASE_URL="+dsn, "NEW_KEY="+newKey, "OLD_KEY="+oldKey)
	return cmd
}
