// Reencryptbench measures pawl reencrypt beside the server's own rewriting of
// the same bytes, and beside what people do without it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/reencrypt"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	rows := flag.Int("rows", 200_000, "rows of the table")
	rounds := flag.Int("rounds", 3, "rounds; medians are printed")
	job := flag.Bool("job", false, "run the job alone")
	workers := flag.Int("workers", 2, "")
	batch := flag.Int("batch", 1000, "")
	passes := flag.Int("passes", 0, "")
	vac := flag.Int("vacuum", 0, "")
	only := flag.String("only", "", "")
	flag.Parse()
	var err error
	if *job {
		if f := os.Getenv("PAWL_CPU"); f != "" {
			w, _ := os.Create(f)
			pprof.StartCPUProfile(w)
			defer func() {
				pprof.StopCPUProfile()
				h, _ := os.Create(f + ".heap")
				pprof.Lookup("allocs").WriteTo(h, 0)
				h.Close()
			}()
		}
		debug.SetGCPercent(400)
		err = runJob(ctx, reencrypt.Options{Workers: *workers, Batch: *batch, Passes: *passes, Vacuum: *vac})
	} else {
		err = bench(ctx, *rows, *rounds, *only, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "reencryptbench:", err)
		os.Exit(1)
	}
}

func runJob(ctx context.Context, o reencrypt.Options) error {
	ring, err := envelope.DirectRing(newKey, oldKey)
	if err != nil {
		return err
	}
	legacy, err := envelope.NewLegacy([][]byte{oldKey}, nil)
	if err != nil {
		return err
	}
	j := &reencrypt.Job{Table: reencrypt.Table{Name: "t", Columns: []reencrypt.Column{{Name: "a"}, {Name: "b"}}}, Target: reencrypt.ToEnvelope(ring, legacy, ring), Options: o,
		Connect: func(ctx context.Context) (*pgconn.PgConn, error) {
			return pgconn.Connect(ctx, os.Getenv("PAWL_BENCH_DSN"))
		}}
	res, err := j.Run(ctx)
	if err != nil {
		return err
	}
	b, _ := os.ReadFile("/proc/self/status")
	_, hwm, _ := strings.Cut(string(b), "VmHWM:")
	fmt.Printf("%+v %s\n", res, strings.TrimSpace(strings.Split(hwm, "\n")[0]))
	if res.Left != 0 {
		return fmt.Errorf("%d rows are left", res.Left)
	}
	return nil
}
