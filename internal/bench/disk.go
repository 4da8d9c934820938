package main

import (
	"os"
	"path/filepath"
	"time"
)

// fsync measures the disk under the store, next to what a rotation took, and
// shows what part of that the disk alone explains.
func fsync(b *bench, own, commits float64) error {
	f, err := os.Create(filepath.Join(b.dir, "fsync"))
	if err != nil {
		return err
	}
	defer f.Close()
	page := make([]byte, 4096)
	var took []float64
	for range 200 {
		began := time.Now()
		if _, err := f.Write(page); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		took = append(took, milliseconds(time.Since(began)))
	}
	show("disk_append_fsync_p50", median(took), "ms")
	show("seed_rotation_disk_share", median(took)*commits/own, "ratio")
	return nil
}
