package secret_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/secret"
)

// TestCommand holds that what a person types draws values by the same rules.
func TestCommand(t *testing.T) {
	for name, f := range map[string]secret.Format{
		"default":  {},
		"hex":      {Encoding: "hex", Bytes: 24},
		"base64":   {Encoding: "base64", Bytes: 40},
		"alphabet": {Encoding: "alphabet", Alphabet: "urlsafe", Length: 40},
		"symbols":  {Encoding: "alphabet", Alphabet: "ascii", Forbid: "'", Length: 60},
		"affixes":  {Encoding: "hex", Prefix: "it's_", Suffix: "\"$x"},
	} {
		t.Run(name, func(t *testing.T) {
			var drawn []string
			for range 2 {
				out, err := exec.CommandContext(t.Context(), "sh", "-c", f.Command()).CombinedOutput()
				if err != nil {
					t.Fatalf("%s: %v: %s", f.Command(), err, out)
				}
				drawn = append(drawn, strings.TrimSuffix(string(out), "\n"))
			}
			like, err := f.Generate(nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range drawn {
				if err := f.Check(secret.New([]byte(text))); err != nil || len(text) != like.Len() || !strings.HasPrefix(text, f.Prefix) || !strings.HasSuffix(text, f.Suffix) {
					t.Errorf("%s draws %q, which is not as the rules say: %v", f.Command(), text, err)
				}
			}
			if drawn[0] == drawn[1] {
				t.Error("two draws are the same")
			}
		})
	}
	if got := (secret.Format{PEM: "PRIVATE KEY"}).Command(); got != "" {
		t.Errorf("a PEM block is drawn by %q", got)
	}
	if got := (secret.Format{Pattern: "^[a-z].*"}).Command(); !strings.Contains(got, "# again") {
		t.Errorf("%q does not say that a draw may break the pattern", got)
	}
}
