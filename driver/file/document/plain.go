package document

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// plainGet gives the whole document, without the final line break of a text:
// editors add one and it belongs to the file, not to the value.
func plainGet(doc []byte, path string) ([]byte, bool, error) {
	if path != "" {
		return nil, false, plainPath(path)
	}
	return slices.Clone(doc[:len(doc)-len(finalBreak(doc))]), len(doc) > 0, nil
}

// plainSet gives value, with the final line break of the former text. A key
// file of random bytes may end in 0x0A by chance, so bytes that are not text
// are never lengthened.
func plainSet(doc []byte, path string, value []byte) ([]byte, error) {
	if path != "" {
		return nil, plainPath(path)
	}
	out := slices.Clone(value)
	if plainText(value) && len(finalBreak(value)) == 0 {
		out = append(out, finalBreak(doc)...)
	}
	return out, nil
}

func plainPath(path string) error {
	return &Error{Format: Plain, Path: path, Kind: ErrPath, Why: "a plain document is one value; its path is empty"}
}

func plainText(b []byte) bool { return utf8.Valid(b) && !bytes.Contains(b, []byte{0}) }

// finalBreak gives the line break at the end of a text, or nothing.
func finalBreak(b []byte) []byte {
	switch {
	case !plainText(b):
		return nil
	case bytes.HasSuffix(b, []byte("\r\n")):
		return b[len(b)-2:]
	case bytes.HasSuffix(b, []byte("\n")):
		return b[len(b)-1:]
	}
	return nil
}
