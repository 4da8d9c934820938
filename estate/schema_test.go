package estate_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"github.com/pawlhq/pawl/estate"
)

func schema(t *testing.T) ([]byte, conforms) {
	t.Helper()
	b, err := estate.Schema(drivers())
	if err != nil {
		t.Fatal(err)
	}
	c := conforms{t: t}
	if err := json.Unmarshal(b, &c.root); err != nil {
		t.Fatal(err)
	}
	return b, c
}

func TestSchemaGolden(t *testing.T) {
	got, _ := schema(t)
	const file = "testdata/schema.golden.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden), string(got)); diff != "" {
		t.Errorf("schema (-golden +got), -update if it is meant:\n%s", diff)
	}
	for range 5 {
		if again, _ := schema(t); !bytes.Equal(again, got) {
			t.Fatal("the schema is not the same every time")
		}
	}
}

// plainDates has dates as the texts that editors see.
func plainDates(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = plainDates(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plainDates(v[i])
		}
	case time.Time:
		return v.Format(time.DateOnly)
	}
	return v
}

func (c conforms) file(data []byte) []string {
	c.t.Helper()
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		c.t.Fatal(err)
	}
	return c.errors(c.root, plainDates(value), "")
}

func TestGoodFilesConform(t *testing.T) {
	_, c := schema(t)
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("good files: %v, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if list := c.file(data); len(list) > 0 {
			t.Errorf("%s does not conform:\n%s", file, strings.Join(list, "\n"))
		}
	}
}

// What editors can show to be wrong, the schema refuses.
func TestSchemaRefuses(t *testing.T) {
	_, c := schema(t)
	const head = "pawl: 1\nestate: a\nsecrets: "
	for name, file := range map[string]string{
		"no secrets":             "pawl: 1\nestate: a\n",
		"other format":           "pawl: 2\nestate: a\nsecrets: {}\n",
		"unknown key":            head + "{A: {porpose: x}}\n",
		"unknown driver":         head + "{}\nconnections: {a: {driver: flyy}}\n",
		"connection setting":     head + "{}\nconnections: {a: {driver: fly, org: a, credential: env:A, region: x}}\n",
		"connection lacks":       head + "{}\nconnections: {a: {driver: fly, credential: env:A}}\n",
		"credential not needed":  head + "{}\nconnections: {a: {driver: random, credential: env:A}}\n",
		"value as credential":    head + "{}\nconnections: {a: {driver: fly, org: a, credential: hunter2}}\n",
		"unknown kind":           head + "{A: {issuer: {use: fly, kind: token, app: a}}}\n",
		"kind needed":            head + "{A: {issuer: {use: neon, name: a}}}\n",
		"field of another kind":  head + "{A: {issuer: {use: fly, kind: deploy_token, app: a, role: x}}}\n",
		"unknown activation":     head + "{A: {locations: [{use: fly, kind: app_secret, app: a, activate: reboot}]}}\n",
		"bare words":             head + "{A: {locations: nowhere}}\n",
		"empty list":             head + "{A: {checks: []}}\n",
		"unknown built-in check": head + "{A: {checks: [{kind: acepted}]}}\n",
		"bad duration":           head + "{A: {overlap: 3 days}}\n",
		"bad enum":               head + "{A: {escrow: maybe}}\n",
		"task without place":     head + "{A: {tasks: [{title: x}]}}\n",
		"group of one":           head + "{}\ngroups: {g: {secrets: [A]}}\n",
		"wrong type":             head + "{A: {checks: [{use: cp, kind: get, path: /, status: [1]}]}}\n",
	} {
		if len(c.file([]byte(file))) == 0 {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}
