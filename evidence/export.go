package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl"
)

const (
	formatName    = "pawl-evidence"
	formatVersion = 1
	maxStoreID    = 64
	hexDigits     = "0123456789abcdef"
	idDigits      = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
)

// Header is the first line of an export.
type Header struct {
	Store string // id of the store: 1 to 64 letters, digits, "-" or "_"
	First int64  // number of the first record, even if there is none yet; at least 1
}

// Writer writes an export, one line a call. It is not safe for concurrent
// use. It checks form and order; that the hashes are right is Verify's work.
type Writer struct {
	w    io.Writer
	next int64
	buf  []byte
}

// NewWriter writes the header line to w.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("write evidence: %w", err)
	}
	if _, err := w.Write(h.line()); err != nil {
		return nil, fmt.Errorf("write evidence: %w", err)
	}
	return &Writer{w: w, next: h.First}, nil
}

// Add writes one record. Records must come in the order of their numbers,
// without gaps.
func (w *Writer) Add(r Record) error {
	if r.Seq != w.next {
		return fmt.Errorf("write evidence: record %d where %d is due", r.Seq, w.next)
	}
	if err := errors.Join(checkHash(r.Prev), checkHash(r.Hash), checkBody(r.Body)); err != nil {
		return fmt.Errorf("write evidence: record %d: %w", r.Seq, err)
	}
	w.buf = appendLine(w.buf[:0], r)
	if _, err := w.w.Write(w.buf); err != nil {
		return fmt.Errorf("write evidence: record %d: %w", r.Seq, err)
	}
	w.next++
	return nil
}

// Write writes a whole export: the header and the records that follow. It
// stops at the first error, its own or that of records.
func Write(w io.Writer, h Header, records iter.Seq2[Record, error]) error {
	out, err := NewWriter(w, h)
	if err != nil {
		return err
	}
	for r, err := range records {
		if err != nil {
			return err
		}
		if err := out.Add(r); err != nil {
			return err
		}
	}
	return nil
}

func (h Header) check() error {
	if h.Store == "" || len(h.Store) > maxStoreID || strings.Trim(h.Store, idDigits) != "" {
		return errors.New("the store's id is not 1 to 64 letters, digits, dashes or underscores")
	}
	if h.First < 1 {
		return errors.New("the first record's number is below 1")
	}
	return nil
}

func (h Header) line() []byte {
	return fmt.Appendf(nil, `{"format":%q,"version":%d,"store":%q,"first":%d}`+"\n", formatName, formatVersion, h.Store, h.First)
}

// The layout of a record's line. It is fixed to the byte: an encoder that may
// choose spaces, order or escapes would leave room for changes that no hash
// covers, and would rewrite the body.
const (
	beforeSeq  = `{"seq":`
	beforePrev = `,"prev":"`
	beforeHash = `","hash":"`
	beforeBody = `","body":`
	afterBody  = "}\n"
)

func appendLine(b []byte, r Record) []byte {
	b = append(b, beforeSeq...)
	b = strconv.AppendInt(b, r.Seq, 10)
	b = append(b, beforePrev...)
	b = append(b, r.Prev...)
	b = append(b, beforeHash...)
	b = append(b, r.Hash...)
	b = append(b, beforeBody...)
	b = append(b, r.Body...)
	return append(b, afterBody...)
}

// parseLine is the inverse of appendLine and takes nothing else. The body is
// copied, because the line's buffer is used again.
func parseLine(line []byte) (Record, error) {
	var r Record
	rest, ok := bytes.CutPrefix(line, []byte(beforeSeq))
	digits, rest, found := bytes.Cut(rest, []byte(beforePrev))
	if !ok || !found {
		return r, errors.New("it is not a record")
	}
	seq, err := parseSeq(string(digits))
	if err != nil {
		return r, err
	}
	prev, rest, prevOK := bytes.Cut(rest, []byte(beforeHash))
	hash, rest, hashOK := bytes.Cut(rest, []byte(beforeBody))
	body, bodyOK := bytes.CutSuffix(rest, []byte(afterBody))
	if !prevOK || !hashOK || !bodyOK {
		return r, errors.New("it is not a record")
	}
	r = Record{Seq: seq, Prev: string(prev), Hash: string(hash), Body: bytes.Clone(body)}
	return r, errors.Join(checkHash(r.Prev), checkHash(r.Hash), checkBody(r.Body))
}

func parseSeq(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != s {
		return 0, errors.New("its number is not one")
	}
	return n, nil
}

func checkHash(s string) error {
	if len(s) != 64 || strings.Trim(s, hexDigits) != "" {
		return errors.New("a hash is not 64 lower-case hexadecimal digits")
	}
	return nil
}

// parseHeader is the inverse of Header.line and takes nothing else.
func parseHeader(line []byte) (Header, error) {
	var in struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
		Store   string `json:"store"`
		First   int64  `json:"first"`
	}
	err := json.Unmarshal(line, &in)
	if err == nil && in.Format == formatName && in.Version > formatVersion {
		return Header{}, &pawl.Error{Code: pawl.CodeUnsupported, Op: "read evidence", On: "line 1",
			Why: fmt.Sprintf("the format's version is %d and this pawl knows %d", in.Version, formatVersion), Next: "verify it with a newer pawl"}
	}
	h := Header{Store: in.Store, First: in.First}
	if err != nil || h.check() != nil || !bytes.Equal(h.line(), line) {
		return Header{}, errors.New("it is not the header of an evidence export")
	}
	return h, nil
}
