package postgres

import (
	"bytes"
	"testing"

	"github.com/pawlhq/pawl/secret"
)

// TestVerifierForm holds the form alone: that the server takes the keys for
// those of the password is shown by every login of the other tests.
func TestVerifierForm(t *testing.T) {
	salt := []byte("0123456789abcdef")
	got, err := verifier(secret.NewString("pencil"), bytes.NewReader(salt))
	if err != nil {
		t.Fatal(err)
	}
	const want = "SCRAM-SHA-256$4096:MDEyMzQ1Njc4OWFiY2RlZg==$"
	if len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("the verifier is %s", got)
	}
	for _, bad := range []string{"caf\u00e9-0123456789", "line\nbreak-0123456789"} {
		if _, err := verifier(secret.NewString(bad), bytes.NewReader(salt)); err == nil {
			t.Error("a password that SASLprep could change was taken")
		}
	}
	if _, err := verifier(secret.NewString("pencil"), bytes.NewReader(nil)); err == nil {
		t.Error("a verifier without a salt was made")
	}
}

func TestLiteralsAndNames(t *testing.T) {
	for text, want := range map[string]string{`a`: `'a'`, `it's`: `'it''s'`, `a\`: ` E'a\\'`, `'\`: ` E'''\\'`} {
		if got := literal(text); got != want {
			t.Errorf("literal(%q) = %s, want %s", text, got, want)
		}
	}
	if got := identifier(`a"; DROP`); got != `"a""; DROP"` {
		t.Errorf("identifier gives %s", got)
	}
	for _, bad := range []string{"", "pg_x", "none", "a\x00", "\xff", string(make([]byte, 64))} {
		if nameFault(bad) == "" {
			t.Errorf("%q is taken for a name", bad)
		}
	}
}
