package secret_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/secret"
)

// macaroon is one in its form: nonce, location, caveats, tail. The caveats have
// one of each form of MessagePack.
func macaroon() string {
	b := []byte{0x94, 0x93, 0xc4, 2, 'i', 'd', 0xc4, 1, 'r', 0xc2, 0xd9, 3, 'l', 'o', 'c'}
	b = append(b, 0xdc, 0, 14, 0x05, 0xff, 0xc0, 0xcc, 200, 0xcd, 1, 2, 0xce, 1, 2, 3, 4, 0xcf, 1, 2, 3, 4, 5, 6, 7, 8, 0xa2, 'h', 'i',
		0x81, 0x01, 0xc3, 0xde, 0, 1, 0x01, 0x90, 0xd4, 1, 9, 0xc7, 1, 5, 9, 0xdd, 0, 0, 0, 1, 0x07, 0xca, 1, 2, 3, 4)
	b = append(append(b, 0xc5, 0, 32), strings.Repeat("t", 32)...)
	return "fm2_" + base64.StdEncoding.EncodeToString(b)
}

var flyLike = secret.Form{Looks: "is a whole line", Pattern: `FlyV1 fm2_[A-Za-z0-9+/]+={0,2}(?:,fm2_[A-Za-z0-9+/]+={0,2})*`, Macaroons: 2}

// A token that was cut short is answered like one that was revoked, so it must
// be told from a whole one by its form, wherever the cut was made.
func TestTruncatedMacaroonsAreTold(t *testing.T) {
	whole := "FlyV1 " + macaroon() + "," + macaroon() + "," + macaroon()
	if err := flyLike.Check(secret.NewString(whole)); err != nil {
		t.Fatal(err)
	}
	two := len("FlyV1 ") + 2*len(macaroon()) + 1 // two whole ones are a token, too
	for n := range whole {
		if err := flyLike.Check(secret.NewString(whole[:n])); err == nil && n != two {
			t.Fatalf("%d of %d characters are taken for a whole token", n, len(whole))
		}
		if err := flyLike.Check(secret.NewString(whole[n+1:])); err == nil {
			t.Fatalf("a token without its first %d characters is taken for a whole one", n+1)
		}
	}
	for name, text := range map[string]string{
		"a macaroon doubled":      "FlyV1 " + macaroon() + "," + macaroon() + "fm2_x",
		"no base64":               "FlyV1 " + macaroon() + ",fm2_abc",
		"no array of four":        "FlyV1 " + macaroon() + ",fm2_" + base64.StdEncoding.EncodeToString([]byte{0x93, 1, 2, 3}),
		"something behind it":     "FlyV1 " + macaroon() + ",fm2_" + base64.StdEncoding.EncodeToString([]byte{0x94, 1, 2, 3, 4, 5}),
		"an array without an end": "FlyV1 " + macaroon() + ",fm2_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x94", 300))),
		"a byte of no form":       "FlyV1 " + macaroon() + ",fm2_" + base64.StdEncoding.EncodeToString([]byte{0x94, 1, 2, 3, 0xc1}),
	} {
		if err := flyLike.Check(secret.NewString(text)); err == nil {
			t.Errorf("%s is taken for a token", name)
		}
	}
}

func TestPastedValues(t *testing.T) {
	key := secret.Form{Looks: "begins with re_", Pattern: "re_[a-z0-9]{8,}"}
	for _, tt := range []struct {
		name, value string
		rules       secret.Format
		form        secret.Form
		why         string // "" is none
	}{
		{"whole", "re_0123456789", secret.Format{}, key, ""},
		{"nothing", "", secret.Format{}, key, "empty"},
		{"a line break behind", "re_0123456789\n", secret.Format{}, secret.Form{}, "white space"},
		{"a blank before", " re_0123456789", secret.Format{}, secret.Form{}, "white space"},
		{"a space that does not break", "re_0123456789\u00a0", secret.Format{}, secret.Form{}, "white space"},
		{"a space without width", "re_0123456789\u200b", secret.Format{}, secret.Form{}, "white space"},
		{"a mark of the byte order", "\ufeffre_0123456789", secret.Format{}, secret.Form{}, "white space"},
		{"a line break within", "re_01234\n56789", secret.Format{}, secret.Form{}, "line break"},
		{"a carriage return within", "re_01234\r56789", secret.Format{}, secret.Form{}, "line break"},
		{"a terminal's escape", "re_01234\x1b[0m56789", secret.Format{}, secret.Form{}, "cannot be seen"},
		{"a soft hyphen", "re_01234\u00ad56789", secret.Format{}, secret.Form{}, "cannot be seen"},
		{"words", "correct horse battery staple", secret.Format{}, secret.Form{}, ""},
		{"bytes", "\x00\xff\xfe\x80", secret.Format{}, secret.Form{}, ""},
		{"a PEM block with its last line break", "-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n", secret.Format{}, secret.Form{}, ""},
		{"JSON of several lines", "{\n\t\"a\": 1\n}", secret.Format{}, secret.Form{}, ""},
		{"lines that the estate allows", "a\nb", secret.Format{Pattern: "(?s).+"}, secret.Form{}, ""},
		{"another vendor's", "sk_live_0123456789", secret.Format{}, key, "begins with re_"},
		{"another vendor's, by the estate's pattern", "sk_live_0123456789", secret.Format{Pattern: "sk_.+"}, key, ""},
		{"too short for the estate", "re_0123456789", secret.Format{MinLength: 40}, key, "min_length"},
		{"the estate's prefix does not lift the form", "sk_0123456789", secret.Format{Prefix: "sk_"}, key, "begins with re_"},
	} {
		err := secret.Pasted(secret.NewString(tt.value), tt.rules, tt.form)
		switch {
		case tt.why == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.why != "" && (err == nil || !strings.Contains(err.Error(), tt.why)):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.why)
		case err != nil && tt.value != "" && strings.Contains(err.Error(), strings.TrimSpace(tt.value)):
			t.Errorf("%s: the error repeats the value", tt.name)
		}
	}
}

func TestFormsThatCannotBeRead(t *testing.T) {
	if err := (secret.Form{Looks: "x", Pattern: "["}).Check(secret.NewString("x")); err == nil {
		t.Error("a pattern that cannot be read lets a value through")
	}
	if err := (secret.Form{}).Check(secret.NewString("anything\n")); err != nil {
		t.Error(err)
	}
}
