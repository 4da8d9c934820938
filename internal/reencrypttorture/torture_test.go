package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/pawlhq/pawl/envelope/reencrypt"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// jobEnv has this test's binary be the job.
const jobEnv = "REENCRYPTTORTURE_JOB"

func TestMain(m *testing.M) {
	var err error
	switch {
	case os.Getenv(blindEnv) != "":
		err = blindJob(context.Background())
	case os.Getenv(jobEnv) != "":
		err = sightedJob(context.Background())
	default:
		servertest.Main(m)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// sightedJob is the job as pawl reencrypt runs it.
func sightedJob(ctx context.Context) error {
	job, err := newJob(os.Getenv("DATABASE_URL"), mutant.None)
	if err != nil {
		return err
	}
	job.Options = reencrypt.Options{Rate: testRate}
	res, err := job.Run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"conflicts": res.Conflicts, "left": res.Left})
}

const testRate = 20_000

func TestNoWriteIsLost(t *testing.T) {
	servertest.Needed(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := config{rows: 20_000, writes: 300, rate: testRate, kills: 1, crash: true, job: func(ctx context.Context, dsn string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, self)
		cmd.Env = append(os.Environ(), jobEnv+"=1", "DATABASE_URL="+dsn)
		return cmd
	}}
	got, err := torture(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got.lost+got.undecryptable+got.left > 0 || got.writes == 0 || got.kills != 1 {
		t.Errorf("lost %d, undecryptable %d, left %d of %d writes after %d kills: %v", got.lost, got.undecryptable, got.left, got.writes, got.kills, got.examples)
	}
}

// TestLossesAreSeen holds that the test above would see a job that overwrites.
func TestLossesAreSeen(t *testing.T) {
	servertest.Needed(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := config{rows: 20_000, writes: 1500, rate: testRate, job: func(ctx context.Context, dsn string) *exec.Cmd { return blind(ctx, self, dsn, testRate) }}
	got, err := torture(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got.lost == 0 {
		t.Error("without compare-and-swap nothing is lost")
	}
}
