package secret

import (
	"encoding/base64"
	"encoding/binary"
)

// wholeMacaroon reports whether a macaroon in base64 is whole. Decoded it is
// one value in MessagePack, an array of four: nonce, location, caveats, and
// the tail, a signature of 32 bytes (superfly/macaroon, macaroon.go and
// encode.go). MessagePack says how long everything is, so that an end that is
// missing shows wherever the cut was made.
func wholeMacaroon(text []byte) bool {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(raw, text)
	defer clear(raw)
	if err != nil || n == 0 || raw[0] != 0x94 {
		return false
	}
	rest, ok := skipMessagePack(raw[:n], 0)
	return ok && len(rest) == 0
}

// deepest bounds how far arrays and maps may be nested.
const deepest = 32

// skipMessagePack gives what follows the first value of b, and whether that
// value is whole (the MessagePack specification, "Formats").
func skipMessagePack(b []byte, depth int) (rest []byte, ok bool) {
	if len(b) == 0 || depth > deepest {
		return nil, false
	}
	first, b := b[0], b[1:]
	switch {
	case first <= 0x7f || first >= 0xe0: // small integers
		return b, true
	case first <= 0x8f: // small map
		return skipItems(b, 2*uint64(first&0x0f), depth)
	case first <= 0x9f: // small array
		return skipItems(b, uint64(first&0x0f), depth)
	case first <= 0xbf: // short string
		return skipBytes(b, uint64(first&0x1f))
	}
	return skipLong(first, b, depth)
}

// skipLong skips a value whose size has its own bytes, or that is of one of
// the fixed sizes.
func skipLong(first byte, b []byte, depth int) ([]byte, bool) {
	switch first {
	case 0xc0, 0xc2, 0xc3: // nil, false, true
		return b, true
	case 0xc4, 0xd9: // bytes and strings
		return skipSized(b, 1, 0)
	case 0xc5, 0xda:
		return skipSized(b, 2, 0)
	case 0xc6, 0xdb:
		return skipSized(b, 4, 0)
	case 0xc7: // extensions, with a byte of type
		return skipSized(b, 1, 1)
	case 0xc8:
		return skipSized(b, 2, 1)
	case 0xc9:
		return skipSized(b, 4, 1)
	case 0xcc, 0xd0: // integers, floats and fixed extensions
		return skipBytes(b, 1)
	case 0xcd, 0xd1, 0xd4:
		return skipBytes(b, 2)
	case 0xd5:
		return skipBytes(b, 3)
	case 0xca, 0xce, 0xd2:
		return skipBytes(b, 4)
	case 0xd6:
		return skipBytes(b, 5)
	case 0xcb, 0xcf, 0xd3:
		return skipBytes(b, 8)
	case 0xd7:
		return skipBytes(b, 9)
	case 0xd8:
		return skipBytes(b, 17)
	case 0xdc, 0xdd, 0xde, 0xdf: // arrays and maps
		width := 2 << (first & 1)
		n, rest, ok := size(b, width)
		if first >= 0xde {
			n *= 2
		}
		if !ok {
			return nil, false
		}
		return skipItems(rest, n, depth)
	default:
		return nil, false
	}
}

// size reads a big-endian number of width bytes.
func size(b []byte, width int) (n uint64, rest []byte, ok bool) {
	if len(b) < width {
		return 0, nil, false
	}
	var whole [8]byte
	copy(whole[8-width:], b)
	return binary.BigEndian.Uint64(whole[:]), b[width:], true
}

func skipSized(b []byte, width int, more uint64) ([]byte, bool) {
	n, rest, ok := size(b, width)
	if !ok {
		return nil, false
	}
	return skipBytes(rest, n+more)
}

func skipBytes(b []byte, n uint64) ([]byte, bool) {
	if uint64(len(b)) < n {
		return nil, false
	}
	return b[n:], true
}

func skipItems(b []byte, n uint64, depth int) ([]byte, bool) {
	for ok := true; n > 0; n-- {
		if b, ok = skipMessagePack(b, depth+1); !ok {
			return nil, false
		}
	}
	return b, true
}
