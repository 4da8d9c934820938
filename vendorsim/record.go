//go:build pawlrecord

package vendorsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strconv"
)

// RecordDir names the environment variable with the directory that exchanges
// are recorded in. Only builds with the tag pawlrecord look at it: the contract
// check makes them of the tests, and removes the directory.
const RecordDir = "PAWL_RECORD_DIR"

// Exchange is one call as a line of JSON. The credentials in it are those that
// stand-ins made up.
type Exchange struct {
	Simulator string      `json:"simulator"` // the package of the stand-in, "github"
	Handler   string      `json:"handler"`   // its type: "api", or what else the stand-in serves
	Method    string      `json:"method"`
	Host      string      `json:"host"`
	URI       string      `json:"uri"` // with the query, escaped
	Header    http.Header `json:"header"`
	Body      []byte      `json:"body,omitempty"`
	Faulted   bool        `json:"faulted,omitempty"` // the answer is a fault's, not the vendor's
	Status    int         `json:"status"`            // 0 where the connection was cut
	Answered  http.Header `json:"answered,omitempty"`
	Answer    []byte      `json:"answer,omitempty"`
}

// tape records one call. A nil tape records nothing.
type tape struct {
	dir   string
	made  Exchange
	given bytes.Buffer
}

// record starts the record of a call. It reads the body and puts it back.
func record(r *http.Request, h Labelled) *tape {
	dir := os.Getenv(RecordDir)
	if dir == "" {
		return nil
	}
	kind := reflect.Indirect(reflect.ValueOf(h)).Type()
	t := &tape{dir: dir, made: Exchange{Simulator: path.Base(kind.PkgPath()), Handler: kind.Name(),
		Method: r.Method, Host: r.Host, URI: r.URL.RequestURI(), Header: r.Header.Clone()}}
	if r.Body == nil {
		return t
	}
	body, err := io.ReadAll(r.Body)
	must(err)
	t.made.Body, r.Body = body, io.NopCloser(bytes.NewReader(body))
	return t
}

// answered gives the answer on to the record.
func (t *tape) answered(b []byte) {
	if t != nil {
		t.given.Write(b)
	}
}

// close appends the call to the file of this process, in one write.
func (t *tape) close(status int, header http.Header, faulted bool) {
	if t == nil {
		return
	}
	t.made.Status, t.made.Answered, t.made.Answer, t.made.Faulted = status, header, t.given.Bytes(), faulted
	line, err := json.Marshal(t.made)
	must(err)
	f, err := os.OpenFile(filepath.Join(t.dir, strconv.Itoa(os.Getpid())+".jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(err)
	_, err = f.Write(append(line, '\n'))
	must(err)
	must(f.Close())
}

// must stops the test run: a record with holes would pass for a whole one.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("vendorsim: record an exchange: %v", err))
	}
}
