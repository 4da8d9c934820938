package file

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl/driver/file/document"
	"github.com/pawlhq/pawl/estate"
)

// target is one field of one file.
type target struct {
	op     string
	shown  string // the path as the estate has it, and the field
	path   string
	format document.Format
	field  string
	mode   os.FileMode // of a file that has to be made
}

func newTarget(op string, s estate.Settings) (t target, why string) {
	t = target{op: op, path: s.String("path"), field: s.String("field"), format: document.Format(s.String("format"))}
	t.shown = t.path
	if t.path == "" || strings.ContainsRune(t.path, 0) {
		return t, "path must name a file"
	}
	if t.format == "" {
		found, ok := document.Detect(t.path)
		if !ok {
			return t, "the file's name does not tell its format; set format, to plain if the whole file is the value"
		}
		t.format = found
	}
	if !t.plain() {
		if t.field == "" {
			return t, "field must name the field of the document"
		}
		t.shown += " " + t.field
	}
	return t, t.setMode(s.String("mode"))
}

func (t *target) setMode(text string) (why string) {
	if text == "" {
		text = defaultMode
	}
	bits, err := strconv.ParseUint(text, 8, 32)
	if err != nil || bits&^0o777 != 0 {
		return "mode must be octal permissions such as 0600"
	}
	t.mode = os.FileMode(bits)
	return ""
}

func (t target) plain() bool { return t.format == document.Plain }

// get gives what the field holds; nothing and an empty field are the same.
// A plain file is its value byte for byte: a key file may need its final line
// break, and whoever wants one beside the value can render it.
func (t target) get(doc []byte, there bool) ([]byte, error) {
	if !there {
		return nil, nil
	}
	if t.plain() {
		return slices.Clone(doc), nil
	}
	value, found, err := document.Get(t.format, doc, t.field)
	if err != nil || !found {
		return nil, err
	}
	return value, nil
}

func (t target) set(doc, value []byte) ([]byte, error) {
	if t.plain() {
		return slices.Clone(value), nil
	}
	return document.Set(t.format, doc, t.field, value)
}

func (t target) remove(doc []byte, there bool) ([]byte, error) {
	if !there {
		return nil, nil
	}
	_, found, err := document.Get(t.format, doc, t.field)
	if err != nil || !found {
		return slices.Clone(doc), err
	}
	return document.Remove(t.format, doc, t.field)
}

// outcome says what an edit wants done.
type outcome int

const (
	same    outcome = iota // the file is left alone
	written                // it gets the new text
	gone                   // it is deleted
)

func changed(doc, next []byte, there bool) outcome {
	if bytes.Equal(doc, next) && (there || len(next) == 0) {
		return same
	}
	return written
}
