package cli

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/vendorsim"
)

// patient is an estate in a folder of its own, which is examined.
type patient struct {
	t    *testing.T
	dir  string
	text string
}

// serve puts a vendor on loopback for the length of a test.
func serve(t *testing.T, h http.Handler) (url string) {
	t.Helper()
	s, err := vendorsim.Listen(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.URL
}

// examine runs pawl doctor on the connection vendor with a credential, and
// gives its status and everything that it said.
func (p patient) examine(credential string) (status int, said string) {
	p.t.Helper()
	for name, text := range map[string]string{"pawl.yaml": p.text, "credential": credential} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	var out, talk bytes.Buffer
	a := &App{Streams: &Streams{In: strings.NewReader(""), Out: &out, Err: &talk}, Registry: all.Drivers(), Now: time.Now}
	status = Run([]string{"doctor", "vendor", "--file", filepath.Join(p.dir, "pawl.yaml"), "--dir", filepath.Join(p.dir, ".pawl")}, a)
	if credential != "" && len(credential) > 8 && strings.Contains(out.String()+talk.String(), credential) {
		p.t.Error("the credential is in what doctor says")
	}
	return status, out.String() + talk.String()
}

// newPatient makes an estate of one connection, with its settings, and one
// secret: an issuer, places and checks as in the estate.
func newPatient(t *testing.T, connection, issuer string, more ...string) patient {
	t.Helper()
	text := fmt.Sprintf("pawl: 1\nestate: clinic\nconnections:\n  vendor: {%s}\nsecrets:\n  TOKEN:\n    issuer: %s\n", connection, issuer)
	for _, m := range more {
		text += "    " + m + "\n"
	}
	for key, none := range map[string]string{"locations:": `locations: "none: a test"`, "checks:": `checks: "none: a test"`} {
		if !strings.Contains(text, "    "+key) {
			text += "    " + none + "\n"
		}
	}
	return patient{t: t, dir: t.TempDir(), text: text}
}

// diagnosisCase is one credential and what doctor must say of it.
type diagnosisCase struct {
	name       string
	credential string
	status     int      // exit status: 0 all is well, 4 a credential or permission, 1 anything else
	says       []string // in the output
}

// wrong is a credential that no vendor has issued.
const wrong = "wrong-credential-that-nobody-issued"

// diagnose holds what doctor says of each credential, and that it changed
// nothing: truth tells the vendor's whole state.
func diagnose(t *testing.T, p patient, truth func() string, cases []diagnosisCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			p.t = t
			before := truth()
			status, said := p.examine(tt.credential)
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			name, hint := "vendor", "next: "
			if status == 2 { // the estate is refused, by the line
				name, hint = "pawl.yaml:", "hint: "
			}
			for _, want := range append(tt.says, name) {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			if status != 0 && !strings.Contains(said, hint) {
				t.Error("it does not say what to do")
			}
			if after := truth(); after != before {
				t.Errorf("it changed something: %s\nbefore: %s", after, before)
			}
			if t.Failed() {
				t.Log(said)
			}
		})
	}
}

// writes lists the calls of a log that are no reading ones. GraphQL's queries
// are posted, too: these are the two that Fly is asked.
func writes(log []vendorsim.Entry) string {
	var list []string
	for _, e := range log {
		if e.Method != http.MethodGet && e.Method != http.MethodHead && e.Operation != "app" && e.Operation != "organization" {
			list = append(list, e.Method+" "+e.Operation)
		}
	}
	return strings.Join(list, ", ")
}
