// Command gen writes what follows from the drivers' own declarations and from
// the sources: a page for each driver and their index, the table of drivers
// in the README, the JSON Schema of the estate, and the tables of error codes.
//
// Run it by go generate, which runs internal/gen/list first.
package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := write(root, all.Drivers()); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// write writes every generated file and removes pages of drivers that are no
// more.
func write(root string, drivers driver.Registry) error {
	made, err := files(root, drivers)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(made)) {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(full, made[path], 0o644); err != nil {
			return err
		}
	}
	stale, err := stalePages(root, made)
	for _, path := range stale {
		if err := os.Remove(filepath.Join(root, path)); err != nil {
			return err
		}
	}
	return err
}

// stalePages lists driver pages that would not be written any more.
func stalePages(root string, made map[string][]byte) ([]string, error) {
	pages, err := filepath.Glob(filepath.Join(root, pageOf("*")))
	var stale []string
	for _, full := range pages {
		path, err := filepath.Rel(root, full)
		if err != nil {
			return nil, err
		}
		if made[filepath.ToSlash(path)] == nil {
			stale = append(stale, path)
		}
	}
	return stale, err
}

func pageOf(name string) string { return "docs/drivers/zz_" + name + ".md" }

// files makes all generated files, by their paths from the root.
func files(root string, drivers driver.Registry) (map[string][]byte, error) {
	made := map[string][]byte{"docs/drivers/README.md": index(drivers)}
	for _, d := range drivers {
		info := d.Info()
		made[pageOf(info.Name)] = page(info)
	}
	var err error
	if made["docs/formats/pawl.schema.json"], err = estate.Schema(drivers); err != nil {
		return nil, err
	}
	if made["docs/use/zz_error-codes.md"], err = codes(root); err != nil {
		return nil, err
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err == nil {
		if filled, ok := fill(readme, table(drivers, "docs/drivers/")); ok {
			made["README.md"] = filled
		}
	}
	return made, nil
}

// The lines between which the README's table stands.
const (
	begin = "<!-- drivers: written by go generate -->\n"
	end   = "<!-- end of drivers -->"
)

// fill puts the table between its marks, if they are there.
func fill(readme, table []byte) ([]byte, bool) {
	before, rest, found := bytes.Cut(readme, []byte(begin))
	_, after, closed := bytes.Cut(rest, []byte(end))
	if !found || !closed {
		return nil, false
	}
	return slices.Concat(before, []byte(begin), table, []byte(end), after), true
}
