package leak_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/internal/leak"
)

const value = `s3cr3t/with "quotes" + spaces & <signs>?`

func TestFindsEveryForm(t *testing.T) {
	quoted, err := json.Marshal(map[string]string{"k": value})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		text string
		want leak.Form
	}{
		{"as it is", "before " + value + " after", leak.Plain},
		{"hexadecimal", hex.EncodeToString([]byte("x" + value + "y")), leak.Hex},
		{"hexadecimal in capitals", strings.ToUpper(hex.EncodeToString([]byte(value))), leak.Hex},
		{"in a query", url.Values{"q": {value}}.Encode(), leak.URL},
		{"in a path", "/" + url.PathEscape(value) + "/", leak.URL},
		{"in a document", string(quoted), leak.JSON},
		{"cut at its end", "x" + value[:33] + "...", leak.Piece},
		{"cut at its beginning", "..." + value[9:], leak.Piece},
		{"nothing of it", "a text with nothing of it " + value[:12], ""},
		{"a digest of it", "d8f2c1", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := leak.NewFinder("another-value", value).Find([]byte(c.text)); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// TestFindsBase64AtEveryPlace holds that what stands before and after a value
// does not hide it.
func TestFindsBase64AtEveryPlace(t *testing.T) {
	encodings := []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding}
	for length := leak.Shortest; length < leak.Shortest+6; length++ {
		v := "v~\xff?>"[:4] + strings.Repeat("k", length-4)
		f := leak.NewFinder(v)
		for before := range 6 {
			for after := range 4 {
				for _, e := range encodings {
					text := e.EncodeToString([]byte(strings.Repeat("{", before) + v + strings.Repeat("}", after)))
					if got := f.Find([]byte(text)); got != leak.Base64 {
						t.Fatalf("%d bytes with %d before and %d after: found %q in %s", length, before, after, got, text)
					}
				}
			}
		}
	}
}

func TestShortValuesAreLeftOut(t *testing.T) {
	if got := leak.NewFinder("", "1234567").Find([]byte("1234567")); got != "" {
		t.Errorf("found %q for a value that is everywhere by chance", got)
	}
}
