package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
)

const root = "../.."

// TestGeneratedFilesAreWritten holds what is committed to what the sources say.
func TestGeneratedFilesAreWritten(t *testing.T) {
	made, err := files(root, all.Drivers())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range made {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what go generate writes (%v); run: go generate ./driver/all", path, err)
		}
	}
	stale, err := stalePages(root, made)
	if err != nil || len(stale) > 0 {
		t.Errorf("pages without a driver: %q, %v", stale, err)
	}
}

// TestExamplesAreValid loads the example of every kind as a user would.
func TestExamplesAreValid(t *testing.T) {
	for _, d := range all.Drivers() {
		spec := d.Info().Spec
		for _, k := range spec.Kinds {
			t.Run(spec.Name+" "+string(k.Role)+" "+k.Name, func(t *testing.T) {
				text := wholeEstate(spec, k)
				if _, err := estate.Parse("pawl.yaml", []byte(text), all.Drivers()); err != nil {
					t.Errorf("%v\n%s", err, text)
				}
			})
		}
	}
}

// wholeEstate puts an example where it belongs.
func wholeEstate(s estate.Spec, k estate.Kind) string {
	var b strings.Builder
	b.WriteString("pawl: 1\nestate: examples\n")
	if !free(s) {
		b.WriteString(connectionExample(s))
	}
	b.WriteString("secrets:\n  API_KEY:\n    purpose: an example\n    owner: platform\n")
	block := map[estate.Role]string{
		estate.RoleIssuer:   "issuer: {use: random, kind: value}\n",
		estate.RoleLocation: "locations: \"none: an example\"\n",
		estate.RoleCheck:    "checks: \"none: an example\"\n",
	}
	block[k.Role] = kindExample(s, k)
	if k.Role == estate.RoleDiscovery {
		block[estate.RoleLocation] = "locations:\n  - use: file\n    kind: field\n    field: API_KEY\n"
		for line := range strings.Lines(kindExample(s, k)) {
			block[estate.RoleLocation] += "    " + line
		}
	}
	for _, role := range []estate.Role{estate.RoleIssuer, estate.RoleLocation, estate.RoleCheck} {
		for line := range strings.Lines(block[role]) {
			b.WriteString("    " + line)
		}
	}
	return b.String()
}

// TestExamplesAreOnThePages makes sure that what is loaded above is what
// readers see.
func TestExamplesAreOnThePages(t *testing.T) {
	for _, d := range all.Drivers() {
		info := d.Info()
		text := string(page(info))
		for _, k := range info.Kinds {
			if !strings.Contains(text, fenced(kindExample(info.Spec, k))) {
				t.Errorf("the page of %s lacks the example of %s %s", info.Name, k.Role, k.Name)
			}
		}
		if !free(info.Spec) && !strings.Contains(text, connectionExample(info.Spec)) {
			t.Errorf("the page of %s lacks its connection", info.Name)
		}
	}
}

// TestLinksOnPages follows every relative link and anchor of the pages.
func TestLinksOnPages(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)]+)\)`)
	made, err := files(root, all.Drivers())
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range made {
		if filepath.Ext(path) != ".md" || path == "README.md" {
			continue
		}
		for _, m := range link.FindAllSubmatch(text, -1) {
			file, anchor, _ := strings.Cut(string(m[1]), "#")
			if strings.Contains(file, "://") {
				continue
			}
			if file != "" {
				if _, err := os.Stat(filepath.Join(root, filepath.Dir(path), file)); err != nil {
					t.Errorf("%s: %v", path, err)
				}
			} else if !hasHeading(string(text), anchor) {
				t.Errorf("%s has no heading %q", path, anchor)
			}
		}
	}
}

func hasHeading(text, anchor string) bool {
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			slug := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(strings.ReplaceAll(title, "`", ""))), " ", "-")
			if slug == anchor {
				return true
			}
		}
	}
	return false
}

// made is a driver with every fact that a page can tell.
type made struct{ driver.Driver }

// Info declares it.
func (made) Info() driver.Info {
	return driver.Info{
		Since: "0.9", APIDocs: "https://acme.example/docs",
		Calls: []driver.Call{{Method: "GET", Path: "/keys", Permission: "read | write", For: "list"}},
		Spec: estate.Spec{Name: "acme", Title: "Acme", Credential: estate.NeedsCredential,
			Kinds: []estate.Kind{
				{Role: estate.RoleIssuer, Name: "key", Doc: "A key. It opens things.",
					Fields: []estate.Field{{Name: "life", Type: estate.Duration, Default: 90 * time.Minute, Enum: []string{"1h", "90m"}, Doc: "How long\nit | lives."}},
					Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.IssuerWindow, Window: 24 * time.Hour, MaxLive: 2, Lists: true, Parts: []string{"id", "key"}, RevokeLag: 90 * time.Second}},
				{Role: estate.RoleIssuer, Name: "password", Doc: "A password.", Issuer: &estate.IssuerFacts{Mint: estate.ByPerson, Overlap: estate.Replaced}},
				{Role: estate.RoleLocation, Name: "vault", Doc: "A vault.", Location: &estate.LocationFacts{Confirm: estate.ByTimestamp, Drain: "queue", MaxBytes: 512,
					Activations: []estate.ActivationFact{{Kind: "reload", Doc: "Reads it again."}}}},
				{Role: estate.RoleCheck, Name: "run", Doc: "A run.", Check: &estate.CheckFacts{Acts: true, TakesValue: true, Within: time.Hour}},
			}},
	}
}

func TestPageTellsTheFacts(t *testing.T) {
	text := string(page(made{}.Info()))
	for _, want := range []string{
		"# Acme: `acme`", "Since pawl 0.9. A connection needs a credential. The vendor's documentation: <https://acme.example/docs>.",
		"| issuer | [`key`](#issuer-key) | A key. |", "credential: env:ACME_CREDENTIAL",
		"after at most 1d", "At most 2 may live at once.", "Pawl can list those that live.", "Pawl cannot name versions, revoke one,",
		"for up to 90s", "the parts `id`, `key`", "| `life` | duration | `90m` | How long it \\| lives. One of `1h`, `90m`. |",
		"A person makes the new version", "`accept_gap`", "by the time of the last write", "only after an activation", "`activate: reload`: Reads it again.",
		"cannot be removed again by pawl", "the check `queue` must pass", "512 bytes", "    activate: reload\n",
		"does not run before the switch", "given the value itself", "within 1h", "| `GET /keys` | read \\| write | list |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestWriteRemovesStalePages(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"errors.go", "pawl.go", "driver/error.go"} {
		src, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, path), string(src))
	}
	put(t, filepath.Join(dir, pageOf("gone")), "x")
	put(t, filepath.Join(dir, "docs/drivers/by-hand.md"), "x")
	put(t, filepath.Join(dir, "README.md"), "# Acme\n"+begin+"old\n"+end+"\nrest\n")
	if err := write(dir, driver.Registry{made{}}); err != nil {
		t.Fatal(err)
	}
	pages, err := os.ReadDir(filepath.Join(dir, "docs/drivers"))
	if err != nil || len(pages) != 3 || pages[0].Name() != "README.md" || pages[1].Name() != "by-hand.md" || pages[2].Name() != "zz_acme.md" {
		t.Errorf("the pages are %v, %v", pages, err)
	}
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	want := "# Acme\n" + begin + string(table(driver.Registry{made{}}, "docs/drivers/")) + end + "\nrest\n"
	if err != nil || string(readme) != want {
		t.Errorf("the README is %q, %v", readme, err)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFillNeedsBothMarks(t *testing.T) {
	for _, readme := range []string{"", "x", begin, "x" + end, end + begin} {
		if _, ok := fill([]byte(readme), nil); ok {
			t.Errorf("%q was filled", readme)
		}
	}
}

func TestCodesAreComplete(t *testing.T) {
	for _, c := range []struct {
		file, kind string
		want       int
	}{{"errors.go", "Code", 12}, {"driver/error.go", "ErrorKind", 11}, {"pawl.go", "Effect", 3}, {"pawl.go", "Phase", 11}} {
		list, err := constants(filepath.Join(root, c.file), c.kind)
		if err != nil || len(list) < c.want {
			t.Errorf("%s has %d of %s, %v", c.file, len(list), c.kind, err)
		}
		for _, one := range list {
			if one.doc == "" || one.value == "" {
				t.Errorf("%s %q has no comment behind it", c.kind, one.value)
			}
		}
	}
	if _, err := constants(filepath.Join(root, "errors.go"), "Nothing"); err == nil {
		t.Error("constants that are not there were found")
	}
}
