package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/reencrypt"
	"github.com/pawlhq/pawl/internal/mutant"
)

// The environment of a job.
const (
	envDatabase = "TORTURE_DATABASE_URL"
	envNew      = "TORTURE_NEW_KEY"
	envOld      = "TORTURE_OLD_KEY"
)

// runJob is the job as a process of its own, beside the real binary: it can be
// broken on purpose.
func runJob(ctx context.Context, rate int, overwrite bool) error {
	newKey, err := hex.DecodeString(os.Getenv(envNew))
	if err != nil {
		return err
	}
	oldKey, err := hex.DecodeString(os.Getenv(envOld))
	if err != nil {
		return err
	}
	ring, err := envelope.DirectRing(newKey, oldKey)
	if err != nil {
		return err
	}
	legacy, err := envelope.NewLegacy([][]byte{oldKey}, nil)
	if err != nil {
		return err
	}
	j := reencrypt.Job{
		Table:   reencrypt.Table{Name: table, Columns: []reencrypt.Column{{Name: "a"}, {Name: "b"}, {Name: "c"}}},
		Target:  reencrypt.ToEnvelope(ring, legacy, ring),
		Options: reencrypt.Options{Rate: rate},
		Connect: func(ctx context.Context) (*pgconn.PgConn, error) { return pgconn.Connect(ctx, os.Getenv(envDatabase)) },
	}
	if overwrite {
		j.Mutant = mutant.OverwriteRows
	}
	_, err = j.Run(ctx)
	return err
}

// process is a job that runs.
type process struct {
	cmd *exec.Cmd
	out bytes.Buffer
	end chan error
}

func (s *site) start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, end: make(chan error, 1)}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), asJob + "=1",
		envDatabase + "=" + s.server.DSN("postgres"), envNew + "=" + hex.EncodeToString(newKey()), envOld + "=" + hex.EncodeToString(oldKey())}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.end <- cmd.Wait() }()
	return p, nil
}

// asJob tells a test's program that it is to be a job.
const asJob = "PAWL_TORTURE_JOB"

// exitPending is the status of pawl when somebody still writes old values.
const exitPending = 3

// finish waits for the job's end. Where somebody may still write old values, a
// job that gave up because of that has done what it could.
func (p *process) finish(pending bool) error {
	err := <-p.end
	var exit *exec.ExitError
	if pending && errors.As(err, &exit) && exit.ExitCode() == exitPending {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the job: %w: %s", err, bytes.TrimSpace(p.out.Bytes()))
	}
	return nil
}

// kill ends the job after a while, unless it has ended before.
func (p *process) kill(after time.Duration) (killed bool, err error) {
	timer := time.NewTimer(after)
	defer timer.Stop()
	select {
	case err := <-p.end:
		p.end <- err
		return false, p.finish(true)
	case <-timer.C:
	}
	_ = p.cmd.Process.Kill() // it may have ended in this instant
	err = <-p.end
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == -1, nil
}
