package runbook_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/runbook"
	"github.com/pawlhq/pawl/plan"
)

var update = flag.Bool("update", false, "write the golden files and the example's runbook")

const example = "../../examples/runbook/pawl.yaml"

// estates are what the properties are held against.
func estates() []string {
	return []string{"testdata/whole.yaml", example, "../../examples/local/pawl.yaml", "../../examples/tenants/pawl.yaml", "../../examples/keywrap/pawl.yaml"}
}

func load(t *testing.T, file string) *estate.Estate {
	t.Helper()
	e, err := estate.Load(file, all.Drivers())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func written(t *testing.T, file string, only ...pawl.SecretName) string {
	t.Helper()
	var b bytes.Buffer
	if err := runbook.Markdown(&b, load(t, file), all.Drivers(), only...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is behind (-it +now), write it by: go test ./internal/runbook -update\n%s", file, diff)
	}
}

func TestGolden(t *testing.T) {
	golden(t, "testdata/whole.md", written(t, "testdata/whole.yaml"))
	m := runbook.NewMap(load(t, "testdata/whole.yaml"))
	for file, write := range map[string]func(io.Writer) error{
		"testdata/whole.mmd": m.Mermaid,
		"testdata/whole.dot": m.Dot,
		"testdata/whole.tsv": m.Lines,
		"testdata/whole.txt": func(w io.Writer) error { return m.Table(w, 100) },
		"testdata/whole.json": func(w io.Writer) error {
			enc := json.NewEncoder(w)
			enc.SetIndent("", "  ")
			return enc.Encode(m)
		},
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		golden(t, file, b.String())
	}
}

// TestTheExampleIsInStep holds examples/runbook/RUNBOOK.md to its estate.
func TestTheExampleIsInStep(t *testing.T) {
	golden(t, filepath.Join(filepath.Dir(example), "RUNBOOK.md"), written(t, example))
}

// TestNothingIsLeftOut holds that everything of the estate that a person needs
// is in the runbook.
func TestNothingIsLeftOut(t *testing.T) {
	for _, file := range estates() {
		e, text := load(t, file), plainText(written(t, file))
		has := func(what, want string) {
			t.Helper()
			if want = strings.Join(strings.Fields(want), " "); !strings.Contains(text, want) && !strings.Contains(text, capital(want)) {
				t.Errorf("%s: the runbook lacks the %s %q", file, what, want)
			}
		}
		for i := range e.Secrets {
			s := &e.Secrets[i]
			has("secret", "`"+string(s.Name)+"`")
			has("purpose", s.Purpose)
			has("owner", s.Owner)
			has("reason", s.Never)
			has("half done", s.IfHalfDone)
			has("blast radius", s.BlastRadius)
			has("reason for no locations", s.NoLocation)
			has("reason for no checks", s.NoCheck)
			for _, task := range slices.Concat(s.Tasks, s.Compromised.Tasks) {
				has("task", task.Title)
				has("who", task.Who)
			}
			for _, a := range s.Alternatives {
				has("alternative", a.Why)
				has("issuer", plan.Title(a.Issuer))
			}
			if s.Never == "" && s.Issuer.Facts.Issuer != nil && s.Issuer.Facts.Issuer.Mint != estate.ByPerson {
				has("issuer", plan.Title(s.Issuer))
			}
			for _, l := range s.Locations {
				use(has, "location", l.Use, l.Task)
				for _, c := range l.Consumers {
					use(has, "consumer", c.Use, c.Task)
				}
				for _, c := range l.Checks {
					use(has, "check", c.Use, c.Task)
				}
				for _, w := range l.Shadows {
					use(has, "shadow", w.Use, nil)
				}
			}
			for _, c := range s.Checks {
				if c.Builtin == "" {
					use(has, "check", c.Use, c.Task)
				}
			}
		}
		for _, c := range e.Contacts {
			has("contact", c.Name)
			has("how", c.How)
		}
		for _, g := range e.Groups {
			has("group's reason", g.Why)
		}
		for _, env := range e.Environments {
			has("environment", env.Name)
		}
		for name, c := range e.Connections {
			has("connection", name)
			has("reference", c.Credential.String())
		}
	}
}

func use(has func(what, want string), what string, u estate.Use, task *estate.Task) {
	if task != nil {
		has(what, task.Title)
		return
	}
	has(what, plan.Title(u))
}

func capital(s string) string { return strings.ToUpper(s[:min(1, len(s))]) + s[min(1, len(s)):] }

// plainText takes the escapes of Markdown back.
func plainText(markdown string) string {
	text := regexp.MustCompile("\\\\([\\\\`*_\\[\\]|~#>+=.)-])").ReplaceAllString(markdown, "$1")
	return strings.NewReplacer("&lt;", "<", "&amp;", "&").Replace(text)
}

// TestLinksResolve holds that each link within the runbook leads to a heading,
// by GitHub's rule for anchors, and that the headings are all different.
func TestLinksResolve(t *testing.T) {
	for _, file := range estates() {
		text := written(t, file)
		anchors := map[string]int{}
		for _, h := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(withoutCode(text), -1) {
			anchor := regexp.MustCompile(`[^\p{L}\p{N}_\- ]`).ReplaceAllString(strings.ToLower(plainText(h[1])), "")
			anchors[strings.ReplaceAll(anchor, " ", "-")]++
		}
		links := regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(text, -1)
		if len(links) < len(load(t, file).Secrets) {
			t.Errorf("%s: %d links for %d secrets", file, len(links), len(load(t, file).Secrets))
		}
		for _, l := range links {
			if anchors[l[1]] != 1 {
				t.Errorf("%s: #%s leads to %d headings", file, l[1], anchors[l[1]])
			}
		}
	}
}

// withoutCode leaves out code blocks and spans.
func withoutCode(text string) string {
	text = regexp.MustCompile("(?ms)^ *```+.*?^ *```+$").ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\\`", "")
	return regexp.MustCompile("``[^\n]*?``|`[^`\n]*`").ReplaceAllString(text, "code")
}

// TestTextStaysText holds that nothing that the estate says becomes markup,
// HTML or the end of a table's cell.
func TestTextStaysText(t *testing.T) {
	for _, file := range estates() {
		text := withoutCode(written(t, file))
		text = regexp.MustCompile(`<https?://[^<> ]*>|<br>`).ReplaceAllString(text, "")
		if html := regexp.MustCompile(`<[^ ]`).FindString(text); html != "" {
			t.Errorf("%s: %q could be HTML", file, html)
		}
		columns := 0
		for line := range strings.Lines(text) {
			pipes := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			switch {
			case !strings.HasPrefix(line, "|"):
				columns = 0
				if pipes > 0 {
					t.Errorf("%s: a pipe out of a table: %s", file, line)
				}
			case columns == 0:
				columns = pipes
			case pipes != columns:
				t.Errorf("%s: a row with %d pipes where the head has %d: %s", file, pipes, columns, line)
			}
			if bare := regexp.MustCompile(`\*\*[^*\n]+\*\*`).ReplaceAllString(strings.ReplaceAll(line, `\*`, ""), ""); strings.Contains(bare, "*") {
				t.Errorf("%s: a star that is no emphasis of the runbook: %s", file, line)
			}
		}
	}
}

// TestCommands holds that a shell can read every command, and that none has a
// value in it: a value is asked for, or stands in a file.
func TestCommands(t *testing.T) {
	valued := regexp.MustCompile(`(fm2_|sk_live_|sk_test_|rk_live_|whsec_|napi_|re_|sk-ant-api|ghp_)[A-Za-z0-9]{6,}|[A-Z_]+=['"]|://[^/ ]*:[^/ @]+@`)
	for _, file := range estates() {
		blocks := regexp.MustCompile("(?ms)^ *```+sh\n(.*?)^ *```+$").FindAllStringSubmatch(written(t, file), -1)
		if len(blocks) == 0 {
			t.Errorf("%s: there is no command", file)
		}
		for _, b := range blocks {
			out, err := exec.CommandContext(t.Context(), "bash", "-n", "-c", b[1]).CombinedOutput()
			if err != nil {
				t.Errorf("%s: the shell cannot read it: %v: %s\n%s", file, err, out, b[1])
			}
			if found := valued.FindString(b[1]); found != "" {
				t.Errorf("%s: %q may be a value on a command line:\n%s", file, found, b[1])
			}
		}
	}
}

// TestSomeSecrets holds that who names one of a group gets the whole group,
// and nothing else.
func TestSomeSecrets(t *testing.T) {
	text := written(t, "testdata/whole.yaml", "VERIFY_KEY")
	if !strings.Contains(text, "## Rotation procedure: SIGNING_KEY + VERIFY_KEY\n") || strings.Contains(text, "procedure: CACHE_PASSWORD") {
		t.Errorf("not the group alone:\n%s", text)
	}
	if m := runbook.NewMap(load(t, example), "GITHUB_TOKEN"); len(m.Secrets) != 1 || m.Secrets[0].Never == "" {
		t.Errorf("the map of one secret: %+v", m.Secrets)
	}
}

// TestTableFits holds the map to the width of a terminal.
func TestTableFits(t *testing.T) {
	for _, file := range estates() {
		m := runbook.NewMap(load(t, file))
		for _, width := range []int{20, 60, 80, 100, 200} {
			var b bytes.Buffer
			if err := m.Table(&b, width); err != nil {
				t.Fatal(err)
			}
			text := strings.Join(strings.Fields(b.String()), "")
			for line := range strings.Lines(b.String()) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > min(max(width, 60), 100) || strings.HasSuffix(line, " \n") {
					t.Errorf("%s at %d: a line of %d: %q", file, width, n, line)
				}
			}
			if want := strings.Count(text, "ROTATES"); want != 1 {
				t.Errorf("%s at %d: no head:\n%s", file, width, b.String())
			}
		}
	}
}

// TestNeverRotatedHasItsPlaces holds that a secret that never rotates still
// shows where it is, and that marks in a text stay text.
func TestNeverRotatedHasItsPlaces(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pawl.yaml")
	text := `pawl: 1
estate: acme
secrets:
  MASTER_KEY:
    purpose: Costs $5 and $6, see __init__
    never: it is cast in metal
    locations: [{use: file, path: master.key}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	page := written(t, file)
	for _, want := range []string{"| file field master.key", `\$5 and \$6, see \_\_init\_\_.`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has not %q:\n%s", want, page)
		}
	}
}
