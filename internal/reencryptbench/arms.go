package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/pawlhq/pawl/vendorsim/postgres"
)

var (
	oldKey = bytes.Repeat([]byte{1}, 32)
	newKey = bytes.Repeat([]byte{2}, 32)
)

type site struct {
	server  *postgres.Server
	pg      *pgconn.PgConn
	rows    int
	jobArgs []string
}

type sample struct {
	rate, client, cpu float64
	rss               int64
}

func bench(ctx context.Context, rows, rounds int, only string, args []string) error {
	server, err := postgres.Start(ctx, postgres.Options{Default: true})
	if err != nil {
		return err
	}
	defer server.Close()
	pg, err := pgconn.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		return err
	}
	defer pg.Close(ctx)
	s := &site{server: server, pg: pg, rows: rows, jobArgs: args}
	if err := s.source(ctx); err != nil {
		return err
	}
	arms := []struct {
		name string
		f    func(context.Context) (sample, error)
	}{{"floor1", s.floor1}, {"floor2", s.floor2}, {"pawl", s.pawl}}
	for _, idx := range []int{0, 4} {
		got := map[string][]sample{}
		for range rounds {
			for _, a := range arms {
				if only != "" && !strings.Contains(only, a.name) {
					continue
				}
				if err := s.fresh(ctx, idx); err != nil {
					return err
				}
				before := s.cpu()
				start := time.Now()
				x, err := a.f(ctx)
				if err != nil {
					return fmt.Errorf("%s: %w", a.name, err)
				}
				x.rate = float64(rows) / time.Since(start).Seconds()
				x.cpu = (s.cpu() - before) / float64(rows) * 1e6
				got[a.name] = append(got[a.name], x)
			}
		}
		for _, a := range arms {
			l := got[a.name]
			if len(l) == 0 {
				continue
			}
			slices.SortFunc(l, func(a, b sample) int { return int(a.rate - b.rate) })
			m := l[len(l)/2]
			fmt.Printf("idx=%d %-8s %8.0f rows/s client %.2f server %.2f s/1M rss %d KiB\n", idx, a.name, m.rate, m.client, m.cpu, m.rss)
		}
	}
	return nil
}

func (s *site) exec(ctx context.Context, sql string) error {
	_, err := s.pg.Exec(ctx, sql).ReadAll()
	return err
}

func (s *site) source(ctx context.Context) error {
	if err := s.exec(ctx, "CREATE TABLE src (id bigint, tenant int, kind int, note text, created timestamptz, a bytea, b bytea)"); err != nil {
		return err
	}
	block, _ := aes.NewCipher(oldKey)
	aead, _ := cipher.NewGCM(block)
	var buf bytes.Buffer
	buf.WriteString("PGCOPY\n\xff\r\n\x00")
	buf.Write(make([]byte, 8))
	plain := make([]byte, 92)
	field := func(b []byte) {
		buf.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
		buf.Write(b)
	}
	seal := func() {
		nonce := make([]byte, 12, 120)
		rand.Read(nonce)
		field(aead.Seal(nonce, nonce, plain, nil))
	}
	for i := range s.rows {
		buf.Write([]byte{0, 7})
		field(binary.BigEndian.AppendUint64(nil, uint64(i+1)))
		field(binary.BigEndian.AppendUint32(nil, uint32(i%5000)))
		field(binary.BigEndian.AppendUint32(nil, uint32(i*7919%1000)))
		field([]byte("row " + strconv.Itoa(i*104729%1000003)))
		field(binary.BigEndian.AppendUint64(nil, uint64(i)*1000000))
		seal()
		seal()
	}
	buf.Write([]byte{0xff, 0xff})
	_, err := s.pg.CopyFrom(ctx, &buf, "COPY src FROM STDIN (FORMAT binary)")
	return err
}

func (s *site) fresh(ctx context.Context, indexes int) error {
	sql := "DROP TABLE IF EXISTS t; CREATE TABLE t AS SELECT * FROM src ORDER BY id; ALTER TABLE t ADD PRIMARY KEY (id);"
	for _, c := range []string{"tenant", "kind", "note", "created"}[:indexes] {
		sql += "CREATE INDEX ON t (" + c + ");"
	}
	if err := s.exec(ctx, sql); err != nil {
		return err
	}
	if err := s.exec(ctx, "VACUUM (FREEZE, ANALYZE) t"); err != nil {
		return err
	}
	return s.exec(ctx, "CHECKPOINT")
}

func (s *site) floor1(ctx context.Context) (sample, error) {
	return sample{}, s.exec(ctx, "UPDATE t SET a = a, b = b")
}

func (s *site) floor2(ctx context.Context) (sample, error) {
	var g errgroup.Group
	for i := range 2 {
		g.Go(func() error {
			pg, err := pgconn.Connect(ctx, s.server.DSN("postgres"))
			if err != nil {
				return err
			}
			defer pg.Close(ctx)
			_, err = pg.Exec(ctx, fmt.Sprintf("UPDATE t SET a = a, b = b WHERE id > %d AND id <= %d", s.rows/2*i, s.rows/2*(i+1))).ReadAll()
			return err
		})
	}
	return sample{}, g.Wait()
}

func (s *site) pawl(ctx context.Context) (sample, error) {
	self, err := os.Executable()
	if err != nil {
		return sample{}, err
	}
	cmd := exec.CommandContext(ctx, self, append([]string{"-job"}, s.jobArgs...)...)
	cmd.Env = append(os.Environ(), "PAWL_BENCH_DSN="+s.server.DSN("postgres"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("%w: %s", err, out)
	}
	fmt.Fprint(os.Stderr, string(out))
	u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return sample{client: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds() / float64(s.rows) * 1e6, rss: u.Maxrss}, nil
}

// cpu is the seconds of processor time that the server's processes have had.
func (s *site) cpu() float64 {
	total := 0.0
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		w := strings.Fields(rest)
		pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
		ppid, _ := strconv.Atoi(w[1])
		if pid != s.server.PID() && ppid != s.server.PID() {
			continue
		}
		for _, i := range []int{11, 12} {
			n, _ := strconv.Atoi(w[i])
			total += float64(n) / 100
		}
		if pid == s.server.PID() {
			for _, i := range []int{13, 14} {
				n, _ := strconv.Atoi(w[i])
				total += float64(n) / 100
			}
		}
	}
	return total
}
