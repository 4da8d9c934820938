package evidence

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/pawlhq/pawl"
)

// Options say what a verifier knows besides the file.
type Options struct {
	// After is the head that a partial export goes on from. It is needed for
	// a file whose first record is not number 1, and must be zero otherwise.
	After Head
	// Expect is a head that the file must hold, kept from an earlier export or
	// read from the store. The file may go on after it; a file that ends
	// before it was cut off. When it is zero, the end is not checked.
	Expect Head
	// Store is the id of the store that the file must come from, or "".
	Store string
}

// Caveat says what verifying with these options cannot see, in a sentence for
// people, or "" when it sees everything.
func (o Options) Caveat() string {
	if o.Expect == (Head{}) {
		return "The end was not checked: without the expected head, records that were cut off at the end cannot be seen."
	}
	return ""
}

// Kind says in which way a file does not verify.
type Kind string

// The kinds of faults.
const (
	Malformed Kind = "malformed" // a line that is no header or record
	Changed   Kind = "changed"   // a record's bytes are not those that were hashed
	Missing   Kind = "missing"   // records are not there
	Repeated  Kind = "repeated"  // a record comes twice
	Reordered Kind = "reordered" // records are there but not in their order
	Unlinked  Kind = "unlinked"  // a record is right in itself but does not follow the one before it
	CutOff    Kind = "cut off"   // the file ends too early
	Foreign   Kind = "foreign"   // it is not the file that was expected
)

// Fault is the first thing found wrong with a file. Verify wraps it in a
// *pawl.Error with CodeCorrupt.
type Fault struct {
	Line int // from 1; the header is line 1
	Kind Kind
	Why  string
}

// Error gives the line, the kind and the reason.
func (f *Fault) Error() string { return fmt.Sprintf("line %d: %s: %s", f.Line, f.Kind, f.Why) }

// Verify reads an export and checks every byte of it, without a store. It
// gives the head that the file ends with: keep it, and give it as Expect or
// After the next time. The error names the first line that is wrong. Memory
// stays flat, whatever the file's length.
func Verify(r io.Reader, o Options) (Head, error) {
	v := &verifier{in: bufio.NewReaderSize(r, 64<<10), o: o}
	head, err := v.run()
	var e *pawl.Error
	var f *Fault
	switch {
	case errors.As(err, &e):
		return head, err
	case errors.As(err, &f):
		return head, &pawl.Error{Code: pawl.CodeCorrupt, Op: "verify evidence", Err: f,
			Next: "compare with another copy; export again from the store with pawl evidence export, and check the store with pawl doctor"}
	case err != nil:
		return head, &pawl.Error{Code: pawl.CodeFailed, Op: "read evidence", Err: err}
	}
	return head, nil
}

type verifier struct {
	in    *bufio.Reader
	o     Options
	line  int
	first int64
	head  Head // of what was verified so far
	buf   []byte
}

func (v *verifier) run() (Head, error) {
	if err := v.header(); err != nil {
		return Head{}, err
	}
	for {
		line, err := v.next()
		if err == io.EOF {
			return v.head, v.end()
		}
		if err != nil {
			return v.head, err
		}
		rec, err := parseLine(line)
		if err != nil {
			return v.head, v.fault(Malformed, "%v", err)
		}
		if err := v.follow(rec); err != nil {
			return v.head, err
		}
		v.head = rec.Head()
		if err := v.expected(); err != nil {
			return v.head, err
		}
	}
}

func (v *verifier) header() error {
	line, err := v.next()
	if err == io.EOF {
		return v.fault(CutOff, "the file is empty")
	}
	if err != nil {
		return err
	}
	h, err := parseHeader(line)
	var newer *pawl.Error
	if errors.As(err, &newer) {
		return err
	}
	if err != nil {
		return v.fault(Malformed, "%v", err)
	}
	if v.o.Store != "" && h.Store != v.o.Store {
		return v.fault(Foreign, "it comes from store %s, not %s", h.Store, v.o.Store)
	}
	v.first = h.First
	return v.begin(h)
}

// begin finds the head that the first record must follow.
func (v *verifier) begin(h Header) error {
	switch {
	case h.First == 1 && v.o.After == (Head{}):
		v.head = Start(h.Store)
	case h.First == 1:
		return v.fault(Foreign, "it is a whole export, and the part after record %d was expected", v.o.After.Seq)
	case v.o.After == (Head{}):
		return v.fault(Foreign, "it starts at record %d: give the hash of record %d, which it must follow", h.First, h.First-1)
	case v.o.After.Seq != h.First-1:
		return v.fault(Foreign, "it starts at record %d, and the part after record %d was expected", h.First, v.o.After.Seq)
	case v.o.Expect != (Head{}) && v.o.Expect.Seq < v.o.After.Seq:
		return v.fault(Foreign, "it starts at record %d, after the expected record %d", h.First, v.o.Expect.Seq)
	default:
		v.head = v.o.After
	}
	return v.expected()
}

// next reads a line with its line feed.
func (v *verifier) next() ([]byte, error) {
	v.line++
	v.buf = v.buf[:0]
	for {
		part, err := v.in.ReadSlice('\n')
		v.buf = append(v.buf, part...)
		switch {
		case len(v.buf) > MaxBody+1024:
			return nil, v.fault(Malformed, "the line is longer than a record can be")
		case err == io.EOF && len(v.buf) > 0:
			return nil, v.fault(CutOff, "the file ends in the middle of a line")
		case err != bufio.ErrBufferFull:
			return v.buf, err
		}
	}
}

// follow checks that rec is the record due, and right.
func (v *verifier) follow(rec Record) error {
	due := v.head.Seq + 1
	switch {
	case rec.Seq < v.first:
		return v.fault(Reordered, "record %d comes before the first one, %d", rec.Seq, v.first)
	case rec.Seq < due:
		return v.fault(Repeated, "record %d was there already", rec.Seq)
	case rec.Seq > due:
		return v.gap(due, rec.Seq)
	case !rec.Intact():
		return v.fault(Changed, "record %d is not what was hashed", rec.Seq)
	case rec.Prev != v.head.Hash && rec.Seq == v.first:
		return v.fault(Unlinked, "record %d does not follow the expected start: another store's, or the wrong previous hash was given", rec.Seq)
	case rec.Prev != v.head.Hash:
		return v.fault(Unlinked, "record %d does not follow record %d as it stands here: one of the two was replaced", rec.Seq, v.head.Seq)
	}
	return nil
}

// gap tells records that are gone from records that come later.
func (v *verifier) gap(due, found int64) error {
	at := v.line
	for {
		line, err := v.next()
		if err != nil {
			return &Fault{Line: at, Kind: Missing, Why: fmt.Sprintf("record %d comes here, and %s", found, span(due, found-1))}
		}
		if rec, err := parseLine(line); err == nil && rec.Seq == due {
			return &Fault{Line: at, Kind: Reordered, Why: fmt.Sprintf("record %d comes here, and record %d only in line %d", found, due, v.line)}
		}
	}
}

func span(from, to int64) string {
	if from == to {
		return fmt.Sprintf("record %d is missing", from)
	}
	return fmt.Sprintf("records %d to %d are missing", from, to)
}

// expected checks the head just reached against the one that was expected.
func (v *verifier) expected() error {
	if v.head.Seq == v.o.Expect.Seq && v.o.Expect != (Head{}) && v.head != v.o.Expect {
		return v.fault(Foreign, "record %d is not the expected one: the chain was written anew, or the file is another store's", v.head.Seq)
	}
	return nil
}

func (v *verifier) end() error {
	if v.o.Expect.Seq > v.head.Seq {
		return v.fault(CutOff, "the file ends with record %d, and record %d was expected", v.head.Seq, v.o.Expect.Seq)
	}
	return nil
}

func (v *verifier) fault(k Kind, format string, args ...any) error {
	return &Fault{Line: v.line, Kind: k, Why: fmt.Sprintf(format, args...)}
}
