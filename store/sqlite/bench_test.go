package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
)

// BenchmarkAppend compares appends with what the disk can do at all: a loop
// that writes a block to a file of the same folder and syncs it. Run all of
// it in one go, and quote ratios.
func BenchmarkAppend(b *testing.B) {
	b.Run("raw write and sync", rawSync)
	for _, n := range []int{1, 64, 200} {
		b.Run(fmt.Sprintf("%d at once", n), func(b *testing.B) { appendAtOnce(b, n) })
	}
}

func rawSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

// appendAtOnce keeps n appends under way at any time, each to a rotation of
// its own, until b.N are done.
func appendAtOnce(b *testing.B, n int) {
	s, err := Open(b.Context(), filepath.Join(b.TempDir(), "pawl.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	leases := make([]rotation.Lease, n)
	for i := range leases {
		name := pawl.SecretName(fmt.Sprint(i))
		leases[i], err = s.Create(b.Context(), rotation.Opening{ID: pawl.RotationID(name), Secrets: []pawl.SecretName{name}, Holder: "h", Now: now, Expires: now})
		if err != nil {
			b.Fatal(err)
		}
	}
	c := rotation.Commit{Expires: now.Add(time.Minute), Entries: []rotation.Entry{
		{Time: now, Kind: rotation.KindOutcome, Step: "put", Attempt: 1, Result: rotation.ResultOK, Effect: pawl.EffectApplied, Detail: "revision 7"},
		{Time: now, Kind: rotation.KindIntent, Step: "activate", Attempt: 1}}}
	before := s.Stats()
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	b.ResetTimer()
	for _, l := range leases {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				if err := s.Append(b.Context(), l, c); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	stats := s.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	b.ReportMetric(float64(stats.Requests-before.Requests)/float64(stats.Commits-before.Commits), "appends/sync")
}
