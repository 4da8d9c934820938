package secret_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/secret"
)

// awkward are values in which encoders change something, at each length
// modulo three, since base64 depends on it.
func awkward() []string {
	return []string{canary, canary + "x", canary + "xy", `"quoted"`, `ends with a backslash\`, "a+b/c=d&e<f>", "line\nbreak", "Käse\u2028\x01", "\xff\xfe\xfd not UTF-8"}
}

func TestScrubFindsEveryForm(t *testing.T) {
	for _, value := range awkward() {
		s := secret.NewScrubber(secret.NewString("another-value"), secret.NewString(value))
		for name, form := range canaryForms(value) {
			if name == "hex spaced" { // no encoder on a driver's way writes it
				continue
			}
			if got := s.Scrub("before " + form + " after"); strings.Contains(got, form) || !strings.Contains(got, "[secret]") {
				t.Errorf("%s of a value of %d bytes is left in an error", name, len(value))
			}
		}
	}
}

// TestScrubFindsBasicAuthentication: the value's base64 is not what stands in
// the base64 of user:value.
func TestScrubFindsBasicAuthentication(t *testing.T) {
	for _, value := range awkward() {
		s := secret.NewScrubber(secret.NewString(value))
		for _, user := range []string{"", "u", "us", "use", "user:"} {
			for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
				form := e.EncodeToString([]byte(user + value + "!"))
				got := s.Scrub("Authorization: Basic " + form)
				if !strings.Contains(got, "[secret]") || len(got) > len("Authorization: Basic [secret]")+len(user)*2+8 {
					t.Errorf("a value of %d bytes behind %d others is left in base64: %d characters remain", len(value), len(user), len(got))
				}
			}
		}
	}
}

func TestScrubLeavesOtherTextAlone(t *testing.T) {
	s := secret.NewScrubber(secret.NewString("correct horse battery"))
	for _, text := range []string{"", "put molecule-cp: not_found: HTTP 404", "correct horse", "[secret]"} {
		if got := s.Scrub(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestScrubberWithoutValues(t *testing.T) {
	destroyed := secret.NewString("correct horse battery")
	destroyed.Destroy()
	for name, s := range map[string]*secret.Scrubber{
		"nil": nil, "none": secret.NewScrubber(), "the zero value": secret.NewScrubber(secret.Value{}),
		"a short one": secret.NewScrubber(secret.NewString("abc")), "a destroyed one": secret.NewScrubber(destroyed),
	} {
		if got := s.Scrub("abc, correct horse battery"); got != "abc, correct horse battery" {
			t.Errorf("%s: the text became %q", name, got)
		}
	}
}
