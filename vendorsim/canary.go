package vendorsim

import "io"

// Canary is in every credential that a stand-in makes. A leak search for it
// finds any of them, also when only the beginning was leaked.
const Canary = "PAWLCANARY"

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Credential makes a credential: the prefix, Canary, and n random letters and
// digits from r. A source that cannot give bytes is a mistake of the program,
// so Credential panics then.
func Credential(r io.Reader, prefix string, n int) string {
	return prefix + Canary + Random(r, n)
}

// Random gives n random letters and digits from r, for ids. It panics when r
// cannot give bytes.
func Random(r io.Reader, n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		panic("vendorsim: the source of randomness failed: " + err.Error())
	}
	for i, x := range b {
		b[i] = letters[int(x)%len(letters)]
	}
	return string(b)
}
