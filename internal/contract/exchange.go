package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// exchange is one recorded call, as vendorsim.Exchange writes it.
type exchange struct {
	Simulator string      `json:"simulator"`
	Handler   string      `json:"handler"`
	Method    string      `json:"method"`
	Host      string      `json:"host"`
	URI       string      `json:"uri"`
	Header    http.Header `json:"header"`
	Body      []byte      `json:"body"`
	Faulted   bool        `json:"faulted"`
	Status    int         `json:"status"`
	Answered  http.Header `json:"answered"`
	Answer    []byte      `json:"answer"`

	// ByHand is a call that a stand-in's own test wrote. Such a test asks for
	// refusals too, by calls that no driver makes.
	ByHand bool `json:"-"`
}

// path gives the path of the call, escaped.
func (e exchange) path() string {
	p, _, _ := strings.Cut(e.URI, "?")
	return p
}

// held reports whether the request has to conform: a driver's always has to,
// one that a test wrote by hand where the stand-in took it.
func (e exchange) held() bool { return !e.ByHand || e.Status/100 == 2 && !e.Faulted }

// request rebuilds the call as the vendor got it.
func (e exchange) request(base string) (*http.Request, error) {
	r, err := http.NewRequest(e.Method, base+e.URI, bytes.NewReader(e.Body))
	if err != nil {
		return nil, fmt.Errorf("rebuild the call %s %s: %w", e.Method, e.path(), err)
	}
	r.Header = e.Header.Clone()
	return r, nil
}

// runTests runs tests with recording on, in the module at root, and leaves the
// record in dir.
func runTests(ctx context.Context, root, dir string, what ...string) error {
	args := append([]string{"test", "-count=1", "-tags", "pawlrecord"}, what...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "PAWL_RECORD_DIR="+dir, "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("contract: the tests that are recorded fail: %w\n%s", err, out)
	}
	return nil
}

// exchanges reads what was recorded in dir, file by file, and gives each to do.
func exchanges(dir string, byHand bool, do func(exchange) error) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return err
	}
	for _, name := range files {
		if err := readRecord(name, byHand, do); err != nil {
			return fmt.Errorf("contract: read a record: %w", err)
		}
	}
	return nil
}

func readRecord(name string, byHand bool, do func(exchange) error) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	for {
		e := exchange{ByHand: byHand}
		if err := d.Decode(&e); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := do(e); err != nil {
			return err
		}
	}
}
