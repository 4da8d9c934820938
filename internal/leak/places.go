package leak

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Places are the texts that were kept of a run, in which no value may be. The
// zero Places are none. They are safe for concurrent use.
type Places struct {
	mu   sync.Mutex
	list []place
}

type place struct {
	name string
	text []byte
}

// Add keeps a text, unless it is empty.
func (p *Places) Add(name string, text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(text) > 0 {
		p.list = append(p.list, place{name, text})
	}
}

// AddFolder keeps every file below a folder under its path there, with a text
// in front. Those that skip says yes to are left out; nil leaves out none. A
// file that goes meanwhile is none.
func (p *Places) AddFolder(name, dir string, skip func(path string) bool) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		below := strings.TrimPrefix(path, dir+string(filepath.Separator))
		if err != nil || d.IsDir() || skip != nil && skip(below) {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		p.Add(name+below, b)
		return err
	})
}

// Find lists the places that have one of some values in them, each with the
// form of the first that was found: "the log (base64)".
func (p *Places) Find(values ...string) []string {
	finder := NewFinder(values...)
	p.mu.Lock()
	defer p.mu.Unlock()
	var found []string
	for _, at := range p.list {
		if form := finder.Find(at.text); form != "" {
			found = append(found, fmt.Sprintf("%s (%s)", at.name, form))
		}
	}
	slices.Sort(found)
	return found
}

// Size gives how many places there are and how many bytes they have.
func (p *Places) Size() (places, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.list {
		bytes += len(at.text)
	}
	return len(p.list), bytes
}
