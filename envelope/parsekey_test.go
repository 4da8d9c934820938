package envelope_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/pawlhq/pawl/envelope"
)

func TestParseKey(t *testing.T) {
	key := bytes.Repeat([]byte{0xfb, 0xef}, 16) // has + and / in base64
	for _, text := range []string{hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key), base64.URLEncoding.EncodeToString(key),
		base64.RawStdEncoding.EncodeToString(key), base64.RawURLEncoding.EncodeToString(key) + "\n"} {
		if got := envelope.ParseKey([]byte(text)); !bytes.Equal(got, key) {
			t.Errorf("a text of %d characters gives %d bytes", len(text), len(got))
		}
	}
	for _, text := range []string{"", "abcdef", hex.EncodeToString(key[:31]), base64.StdEncoding.EncodeToString(append(key, 1)), string(key)} {
		if got := envelope.ParseKey([]byte(text)); got != nil {
			t.Errorf("a text of %d bytes that is no key gives one", len(text))
		}
	}
}
