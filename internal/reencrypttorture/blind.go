package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/reencrypt"
	"github.com/pawlhq/pawl/internal/mutant"
)

// blindEnv has this program be the job itself, without compare-and-swap. Only
// here can it be switched off.
const blindEnv = "REENCRYPTTORTURE_BLIND"

// blindBatch widens the time between reading and writing, in which values are
// lost.
const blindBatch = 5000

func blind(ctx context.Context, self, dsn string, rate int) *exec.Cmd {
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), blindEnv+"="+strconv.Itoa(rate), "DATABASE_URL="+dsn)
	return cmd
}

func blindJob(ctx context.Context) error {
	rate, err := strconv.Atoi(os.Getenv(blindEnv))
	if err != nil {
		return err
	}
	job, err := newJob(os.Getenv("DATABASE_URL"), mutant.OverwriteRows)
	if err != nil {
		return err
	}
	job.Options = reencrypt.Options{Batch: blindBatch, Bytes: 1 << 30, Rate: rate}
	res, err := job.Run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"conflicts": res.Conflicts, "left": res.Left})
}

// newJob makes the job that pawl reencrypt would run.
func newJob(dsn string, m mutant.Kind) (*reencrypt.Job, error) {
	ring, legacy, err := keys()
	if err != nil {
		return nil, err
	}
	return &reencrypt.Job{Table: reencrypt.Table{Name: table, Columns: []reencrypt.Column{{Name: "a"}, {Name: "b"}, {Name: "c"}}}, Target: reencrypt.ToEnvelope(ring, legacy, ring),
		Connect: func(ctx context.Context) (*pgconn.PgConn, error) { return pgconn.Connect(ctx, dsn) }, Mutant: m}, nil
}

// keys gives what the job and the application's new instances open with.
func keys() (*envelope.Ring, *envelope.Legacy, error) {
	fresh, err := hex.DecodeString(newKey)
	if err != nil {
		return nil, nil, fmt.Errorf("the new key: %w", err)
	}
	old, err := hex.DecodeString(oldKey)
	if err != nil {
		return nil, nil, fmt.Errorf("the old key: %w", err)
	}
	ring, err := envelope.DirectRing(fresh, old)
	if err != nil {
		return nil, nil, err
	}
	legacy, err := envelope.NewLegacy([][]byte{old}, nil)
	return ring, legacy, err
}
