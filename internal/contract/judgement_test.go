package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shopJudgement is a judgement of a shop whose driver declares one call, and
// of another vendor without a description.
func shopJudgement(t *testing.T) *judgement {
	t.Helper()
	root := t.TempDir()
	pages := filepath.Join(root, "docs", "drivers")
	if err := os.MkdirAll(pages, 0o700); err != nil {
		t.Fatal(err)
	}
	page := "| call | permission | for |\n|---|---|---|\n| `GET /v1/keys/{key}` | any | verify |\n| `RESP AUTH` | any | verify |\n| `POST /{path}` | none | check |\n"
	if err := os.WriteFile(filepath.Join(pages, "zz_shop.md"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := load("testdata", root, t.TempDir(), []surface{
		{Name: "shop", Driver: "shop", Simulator: "shop", Under: "/v1/", Spec: "shop.json", Base: "/v1"},
		{Name: "shop's pages", Simulator: "shop", Undescribed: "pages are for people"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func take(t *testing.T, j *judgement, all ...exchange) {
	t.Helper()
	for _, e := range all {
		if err := j.take(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReport(t *testing.T) {
	good := call("GET", "/v1/keys/7", "", 200, `{"id":"7"}`)
	lost := call("GET", "/v1/keys/7", "", 404, `{}`)
	fault := changed(good, func(e *exchange) { e.Faulted, e.Status = true, 503 })
	byHand := changed(good, func(e *exchange) { e.ByHand = true })
	page := call("GET", "/pages/1", "", 200, "<p>")
	known := deviation{"shop", "GET /v1/keys/*", "answer 404: *", "what is not there is answered so", "the shop's manual"}
	for _, c := range []struct {
		name  string
		taken []exchange
		table []deviation
		well  bool
		says  []string
	}{
		{"good", []exchange{good, fault, page}, nil, true, []string{"faulted=1 ", "no published description: shop's pages exchanges=1: pages are for people\n", "exchanges=2 deviations=0 unexplained=0\n"}},
		{"unexplained", []exchange{good, lost}, nil, false, []string{"UNEXPLAINED: shop: GET /v1/keys/{id}: answer 404: status is not supported (drivers 1, by hand 0)\n", "exchanges=2 deviations=0 unexplained=1\n"}},
		{"explained", []exchange{good, lost, lost}, []deviation{known}, true, []string{"(drivers 2, by hand 0)\n    what is not there is answered so\n    source: the shop's manual\n", "exchanges=3 deviations=1 unexplained=0\n"}},
		{"stale", []exchange{good}, []deviation{known}, false, []string{"explained and not seen any more: shop: GET /v1/keys/*: answer 404: *", "stale=1"}},
		{"of another surface", []exchange{good, lost}, []deviation{{"pages", "*", "*", "", ""}}, false, []string{"unexplained=1\n"}},
		{"never made", []exchange{byHand}, nil, false, []string{"declared and never made: shop: GET /v1/keys/{key}\n", "uncovered=1 "}},
		{"nothing recorded", nil, nil, false, []string{"exchanges=0 "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := shopJudgement(t)
			take(t, j, c.taken...)
			var b strings.Builder
			if well := j.report(&b, j.verdict(c.table)); well != c.well {
				t.Errorf("well is %t:\n%s", well, b.String())
			}
			for _, s := range c.says {
				if !strings.Contains(b.String(), s) {
					t.Errorf("it does not say %q:\n%s", s, b.String())
				}
			}
		})
	}
}

func TestUnknownStandInIsAnError(t *testing.T) {
	e := call("GET", "/v1/keys/7", "", 200, `{}`)
	e.Simulator = "other"
	if err := shopJudgement(t).take(t.Context(), e); err == nil || !strings.Contains(err.Error(), "surface.go") {
		t.Errorf("the error is %v", err)
	}
}

func TestAbsentDescriptionsSkipLoudly(t *testing.T) {
	var b strings.Builder
	well, err := run(t.Context(), &b, t.TempDir(), "../..", "")
	if err != nil || !well {
		t.Errorf("well is %t: %v", well, err)
	}
	if !strings.Contains(b.String(), "contract: SKIPPED: ") || strings.Contains(b.String(), "unexplained=") {
		t.Errorf("it says:\n%s", b.String())
	}
}

func TestDeviationsHaveSources(t *testing.T) {
	names := map[string]bool{}
	for _, s := range surfaces() {
		names[s.Name] = true
		if (s.Spec == "") == (s.Undescribed == "") {
			t.Errorf("%s has to have either a description or why there is none", s.Name)
		}
	}
	for _, d := range deviations() {
		if !names[d.Surface] || d.Because == "" || d.Source == "" {
			t.Errorf("of no surface, or without its reason or source: %+v", d)
		}
	}
}

func TestLike(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"GET *", "GET /a", true}, {"GET *", "POST /a", false}, {"a.c", "abc", false},
		{`/\*: x`, "/*: x", true}, {`/\*: x`, "/a: x", false}, {"a*c", "abbc", true}, {"a", "ab", false},
	} {
		if got := like(c.pattern, c.text); got != c.want {
			t.Errorf("like(%q, %q) is %t", c.pattern, c.text, got)
		}
	}
}
