package cli

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// damage spoils a file: damage FILE header, its first bytes; page, the middle
// of its second half; cut, its second half is gone; empty, all of it is.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: damage FILE header|pages|cut|empty")
	}
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	switch args[1] {
	case "header":
		copy(b, bytes.Repeat([]byte{0xA5}, 64))
	case "pages":
		const page = 4096
		for at := page; at+page <= len(b); at += page {
			copy(b[at:], bytes.Repeat([]byte{0xA5}, 512))
		}
	case "cut":
		b = b[:len(b)/2]
	case "empty":
		b = nil
	default:
		ts.Fatalf("damage: what is %s?", args[1])
	}
	ts.Check(os.WriteFile(path, b, 0o600))
}

// grow writes an estate of at least so many MiB: grow pawl.yaml 50 of
// comments, or of secrets.
func grow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: grow FILE MIB comments|secrets|noise")
	}
	mib, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b bytes.Buffer
	b.WriteString("pawl: 1\nestate: huge\nsecrets:\n  SESSION_KEY: {issuer: {use: random, kind: value}, locations: [{use: file, kind: field, path: app.env}], checks: \"none: a test\"}\n")
	for i := 0; b.Len() < mib<<20; i++ {
		switch args[2] {
		case "comments":
			fmt.Fprintf(&b, "# line %d says nothing of interest to anybody, at some length and over and over again\n", i)
		case "secrets":
			fmt.Fprintf(&b, "  KEY_%d: {issuer: {use: random, kind: value}, locations: [{use: file, kind: field, path: app.env}], checks: \"none: a test\"}\n", i)
		case "noise":
			b.Write(bytes.Repeat([]byte{byte(i * 7), byte(i * 13), 0, 0xFF}, 256))
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}

// newer marks a store as written by a version of pawl that is still to come.
func newer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: newer STORE SCHEMA")
	}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.ExecContext(ctx, `INSERT INTO migrations (version, pawl, at) VALUES (?, 'v9.9.9', 0)`, args[1])
	ts.Check(err)
	ts.Check(db.Close())
}
