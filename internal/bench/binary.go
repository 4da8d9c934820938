package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pawlhq/pawl/internal/rehearsal"
	"github.com/pawlhq/pawl/vendorsim/molecule"
)

// start measures how long `pawl version` takes, from fork to exit.
func start(ctx context.Context, b *bench) error {
	var took []float64
	for range 50 {
		ms, _, err := measured(exec.CommandContext(ctx, b.binary, "version"))
		if err != nil {
			return err
		}
		took = append(took, ms)
	}
	show("version_start_p50", median(took), "ms")
	show("version_start_p99", quantile(took, 0.99), "ms")
	return nil
}

// memory measures the largest resident memory of a process that rotates the
// seed's secret over HTTP.
func memory(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp(b.dir, "memory-")
	if err != nil {
		return err
	}
	w, err := rehearsal.Start(dir, rehearsal.Options{})
	if err != nil {
		return err
	}
	defer w.Close()
	if err := w.Adopt(ctx, b.binary); err != nil {
		return err
	}
	_, resident, err := measured(w.Command(ctx, b.binary, "rotate", molecule.Secret))
	if err != nil {
		return err
	}
	show("rotate_resident_max", resident, "MiB")
	return nil
}

const secrets = 10000

// largeEstate measures `pawl validate` and `pawl plan --all` of ten thousand
// secrets, from fork to exit.
func largeEstate(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp(b.dir, "estate-")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "pawl.yaml")
	if err := os.WriteFile(file, []byte(large(secrets)), 0o600); err != nil {
		return err
	}
	for _, args := range [][]string{{"validate"}, {"plan", "S_05000"}, {"plan", "--all"}} {
		var took, resident []float64
		for range 5 {
			ms, mib, err := measured(exec.CommandContext(ctx, b.binary, append(args, "--file", file)...))
			if err != nil {
				return err
			}
			took, resident = append(took, ms), append(resident, mib)
		}
		what := strings.NewReplacer(" --", "_", " S_05000", "_one").Replace(strings.Join(args, " "))
		show(what+"_10000_p50", median(took)/1000, "s")
		show(what+"_10000_resident_max", median(resident), "MiB")
	}
	return nil
}

// large gives an estate of n secrets with two places and a check each, a
// third of them minted at a vendor.
func large(n int) string {
	var s strings.Builder
	s.WriteString("pawl: 1\nestate: large\nconnections:\n" +
		"  fly: {driver: fly, org: acme, credential: env:FLY_ADMIN_TOKEN}\n" +
		"  github: {driver: github, credential: env:GITHUB_ADMIN_TOKEN}\n" +
		"  web: {driver: http, base: https://web.example.com}\nsecrets:\n")
	for i := range n {
		issuer := "{use: random}"
		if i%3 == 0 {
			issuer = fmt.Sprintf("{use: fly, kind: deploy_token, app: app-%d}", i)
		}
		fmt.Fprintf(&s, "  S_%05d:\n    owner: team-%d\n    issuer: %s\n    locations:\n      - {use: fly, kind: app_secret, app: app-%d, activate: rolling}\n"+
			"      - {use: github, kind: actions_secret, repo: acme/repo-%d}\n    checks:\n      - {use: web, kind: get, path: /health/%d, status: 200}\n    retire: {after: 1h}\n", i, i%50, issuer, i, i%500, i)
	}
	return s.String()
}

// measured runs a command and gives its milliseconds from fork to exit and
// its largest resident memory in MiB.
func measured(c *exec.Cmd) (ms, mib float64, err error) {
	var stderr bytes.Buffer
	c.Stderr = &stderr
	began := time.Now()
	if err := c.Run(); err != nil {
		return 0, 0, fmt.Errorf("%v: %w: %s", c.Args, err, bytes.TrimSpace(stderr.Bytes()))
	}
	ms = milliseconds(time.Since(began))
	usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0, 0, errors.New("this system does not tell a process's memory")
	}
	return ms, float64(usage.Maxrss) / 1024, nil // Maxrss is in KiB on Linux: getrusage(2)
}
