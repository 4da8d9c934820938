package reencrypt

import (
	"encoding/binary"
	"strconv"

	"github.com/pawlhq/pawl"
)

// The formats that PostgreSQL sends and takes in binary: tid is a block number
// of 4 bytes and an offset of 2 (tidsend, tidrecv); an array is its number of
// dimensions, a flag for NULLs, the type, then length and lower bound of each
// dimension, then each element with its length before it (array_send).
const (
	oidBytea   = 17
	oidInt8    = 20
	oidInt2    = 21
	oidInt4    = 23
	oidText    = 25
	oidTID     = 27
	oidXID     = 28
	oidVarchar = 1043
	oidUUID    = 2950

	oidTIDs = 1010
	oidXIDs = 1011
)

// tid is a row's position.
type tid struct {
	block  uint32
	offset uint16
}

func parseTID(b []byte) tid {
	return tid{binary.BigEndian.Uint32(b), binary.BigEndian.Uint16(b[4:])}
}

func (t tid) String() string {
	return "(" + strconv.FormatUint(uint64(t.block), 10) + "," + strconv.Itoa(int(t.offset)) + ")"
}

// array is an array on its way to the server.
type array struct {
	buf []byte
	n   int
}

const arrayHead = 20

// reset empties the array.
func (a *array) reset(elem uint32) {
	a.n = 0
	a.buf = binary.BigEndian.AppendUint32(a.buf[:0], 1)
	a.buf = binary.BigEndian.AppendUint32(a.buf, 1) // there may be NULLs
	a.buf = binary.BigEndian.AppendUint32(a.buf, elem)
	a.buf = binary.BigEndian.AppendUint32(a.buf, 0)
	a.buf = binary.BigEndian.AppendUint32(a.buf, 1)
}

// add appends an element; nil is NULL.
func (a *array) add(elem []byte) {
	at := a.begin()
	if elem == nil {
		a.buf = append(a.buf[:at], 0xff, 0xff, 0xff, 0xff)
		return
	}
	a.buf = append(a.buf, elem...)
	a.end(at)
}

// begin makes room for an element's length; the element is appended to buf.
func (a *array) begin() int {
	a.n++
	at := len(a.buf)
	a.buf = append(a.buf, 0, 0, 0, 0)
	return at
}

func (a *array) end(at int) {
	binary.BigEndian.PutUint32(a.buf[at:], uint32(len(a.buf)-at-4))
}

// undo takes back an element that was begun.
func (a *array) undo(at int) {
	a.n--
	a.buf = a.buf[:at]
}

// bytes is the array as a parameter.
func (a *array) bytes() []byte {
	binary.BigEndian.PutUint32(a.buf[arrayHead-8:], uint32(a.n))
	return a.buf
}

// keyText is a key as PostgreSQL writes it as text.
func keyText(dst []byte, oid uint32, b []byte) ([]byte, error) {
	switch {
	case oid == oidInt2 && len(b) == 2:
		return strconv.AppendInt(dst, int64(int16(binary.BigEndian.Uint16(b))), 10), nil
	case oid == oidInt4 && len(b) == 4:
		return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(b))), 10), nil
	case oid == oidInt8 && len(b) == 8:
		return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(b)), 10), nil
	case oid == oidUUID && len(b) == 16:
		return appendUUID(dst, b), nil
	case oid == oidText, oid == oidVarchar:
		return append(dst, b...), nil
	}
	return nil, &pawl.Error{Code: pawl.CodeUnsupported, Op: "read a row's key", Why: "the type " + strconv.Itoa(int(oid)) + " has no text form that is known"}
}

func appendUUID(dst, b []byte) []byte {
	const digits = "0123456789abcdef"
	for i, c := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}
