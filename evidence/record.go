// Package evidence is the hash chain over what pawl did: each record carries
// the hash of the one before it, so that a record cannot be changed, removed,
// repeated or moved without every later hash changing too.
//
// The package knows nothing of rotations: a record's body is a JSON object
// that it neither reads nor rewrites. docs/formats/evidence.md specifies the
// hash and the export file; anybody can check one without pawl.
package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Domains of the two hashes, so that no byte string can serve as both.
const (
	startDomain  = "pawl evidence start v1\n"
	recordDomain = "pawl evidence record v1\n"
)

// MaxBody is the largest body that a record may have, in bytes. It bounds the
// memory that verifying a hostile file can take.
const MaxBody = 8 << 20

// Record is one link of the chain.
type Record struct {
	Seq  int64           // 1 for the first, then rising by one
	Prev string          // hash of the record before, or of the start
	Hash string          // of this record: 64 lower-case hexadecimal digits
	Body json.RawMessage // one JSON object on one line, byte for byte as it was hashed
}

// Head is where a chain ends: the last record's number and hash. It is the
// one thing to keep elsewhere in order to notice that an end was cut off.
type Head struct {
	Seq  int64
	Hash string
}

// Start is the head of an empty chain. It depends on the store's id, so that
// records of one store cannot be passed off as another's.
func Start(store string) Head {
	return Head{Hash: digest([]byte(startDomain), counted(store))}
}

// Next links body to the chain that ends at prev, which must come from Start,
// Verify, or an earlier record. It keeps body and does not copy it.
func Next(prev Head, body []byte) Record {
	seq := prev.Seq + 1
	return Record{Seq: seq, Prev: prev.Hash, Hash: hash(seq, prev.Hash, body), Body: body}
}

// Head is the head of a chain that ends with this record.
func (r Record) Head() Head { return Head{Seq: r.Seq, Hash: r.Hash} }

// Intact reports whether the record's own hash is right. It says nothing of
// the record's place in a chain.
func (r Record) Intact() bool { return r.Hash == hash(r.Seq, r.Prev, r.Body) }

// hash counts every part of varying length, so that no two different records
// are hashed as the same bytes.
func hash(seq int64, prev string, body []byte) string {
	head := binary.BigEndian.AppendUint64([]byte(recordDomain), uint64(seq))
	return digest(head, counted(prev), counted(string(body)))
}

func counted(s string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(len(s))), s...)
}

func digest(parts ...[]byte) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// checkBody says why a body cannot be a line of an export.
func checkBody(b []byte) error {
	switch {
	case len(b) > MaxBody:
		return fmt.Errorf("the body has %d bytes, more than %d", len(b), MaxBody)
	case len(b) < 2 || b[0] != '{' || b[len(b)-1] != '}':
		return errors.New("the body is not a JSON object")
	case bytes.ContainsAny(b, "\r\n"):
		return errors.New("the body has a line break")
	case !utf8.Valid(b) || !json.Valid(b):
		return errors.New("the body is not valid JSON")
	}
	return nil
}
