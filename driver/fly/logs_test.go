package fly_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/fly"
)

// watching is a check of the log of web that began now.
func (s *site) watching(settings estate.Settings) driver.CheckRequest {
	settings["app"] = "web"
	return driver.CheckRequest{Since: s.now, Target: driver.Target{Kind: "logs", Settings: settings}}
}

// look looks once and goes on from there at the next look.
func (s *site) look(r *driver.CheckRequest) driver.Finding {
	s.t.Helper()
	f, err := s.port.Check(context.Background(), *r)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Resume = f.Resume
	return f
}

func TestLogsCountFromTheBeginningOfTheCheck(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	s.AddLogLine("web", "error", "401 from before")
	s.now = s.now.Add(time.Minute)
	r := s.watching(estate.Settings{"expect": "reloaded", "forbid": "401", "over": 5 * time.Minute})
	if f := s.look(&r); f.State != driver.Pending || f.After <= 0 {
		t.Fatalf("at the beginning: %+v", f)
	}
	s.AddLogLine("web", "info", "starting\nsecrets reloaded")
	s.now = s.now.Add(5 * time.Minute)
	if f := s.look(&r); f.State != driver.Passed || !strings.HasPrefix(f.Detail, "2 lines") {
		t.Errorf("after the watch: %+v", f)
	}
	s.AddLogLine("web", "error", "GET /machines: 401")
	if f := s.look(&r); f.State != driver.Failed || !f.Final || strings.Contains(f.Detail, "machines") {
		t.Errorf("with what is forbidden, which is not quoted: %+v", f)
	}
}

func TestLogsOfBeforeCountWhereTheEstateSaysSo(t *testing.T) {
	for back, want := range map[time.Duration]driver.State{0: driver.Passed, time.Minute: driver.Passed, 3 * time.Minute: driver.Failed} {
		s := newSite(t, sim.Config{}, 1)
		s.AddLogLine("web", "error", "401")
		s.now = s.now.Add(2 * time.Minute)
		r := s.watching(estate.Settings{"forbid": "401", "over": time.Minute, "back": back})
		s.look(&r)
		s.now = s.now.Add(time.Minute)
		if f := s.look(&r); f.State != want {
			t.Errorf("lines from %s before: %+v, want %s", back, f, want)
		}
	}
}

// A busy app logs more between two looks than one page holds: each line
// counts, and once.
func TestLogsAreReadToTheirEnd(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	s.AddLogLine("web", "info", "before")
	s.now = s.now.Add(time.Second)
	r := s.watching(estate.Settings{"forbid": "refused", "over": time.Minute})
	s.look(&r)
	write := func(n int) {
		for i := range n {
			s.AddLogLine("web", "info", fmt.Sprint("line ", i))
		}
	}
	write(350)
	s.now = s.now.Add(time.Minute)
	if f := s.look(&r); f.State != driver.Passed || !strings.HasPrefix(f.Detail, "350 lines") {
		t.Errorf("350 lines: %+v", f)
	}
	write(4000)
	looks := 1
	f := s.look(&r)
	for ; f.State == driver.Pending && looks < 10; looks++ {
		f = s.look(&r)
	}
	if f.State != driver.Passed || !strings.HasPrefix(f.Detail, "4350 lines") || looks < 2 {
		t.Errorf("4000 lines more, in %d looks: %+v", looks, f)
	}
}

// What Fly did not give must not pass for a log without faults in silence.
func TestLogsSayFromWhenOnTheyWereGiven(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	for range 250 {
		s.AddLogLine("web", "info", "busy")
		s.now = s.now.Add(time.Second)
	}
	r := s.watching(estate.Settings{"forbid": "401", "over": time.Minute, "back": 4 * time.Minute})
	s.look(&r)
	s.now = s.now.Add(time.Minute)
	want := "the oldest line that Fly gave is from " + r.Since.Add(-100*time.Second).Format(time.RFC3339)
	if f := s.look(&r); f.State != driver.Passed || !strings.Contains(f.Detail, want) {
		t.Errorf("%+v, want %q", f, want)
	}
}

func TestLogsNeedARuleAndARecord(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	for name, r := range map[string]driver.CheckRequest{
		"no rule":    s.watching(estate.Settings{}),
		"bad rule":   s.watching(estate.Settings{"expect": "("}),
		"bad record": {Since: s.now, Resume: "{", Target: s.watching(estate.Settings{"expect": "x"}).Target},
	} {
		if _, err := s.port.Check(context.Background(), r); kindOf(err) != driver.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := s.made("GET", "/logs"); n != 0 {
		t.Errorf("%d calls were made for what cannot be judged", n)
	}
}

func TestAppsByPrefix(t *testing.T) {
	s := newSite(t, sim.Config{}, 0)
	s.AddOrg("umbrella")
	s.AddApp("umbrella", "web-other", "")
	for _, name := range []string{"web-b", "web-a", "web-template", "api"} {
		s.AddApp("acme", name, "")
	}
	found, err := s.port.Discover(context.Background(), driver.Target{Kind: "apps", Settings: estate.Settings{"prefix": "web-", "except": []string{"web-template"}}})
	if err != nil || len(found) != 2 || found[0].Settings.String("app") != "web-a" || found[1].Settings.String("app") != "web-b" {
		t.Errorf("found %v, %v", found, err)
	}
	for _, prefix := range []string{"", "Web", "web*", "web/"} {
		if _, err := s.port.Discover(context.Background(), driver.Target{Kind: "apps", Settings: estate.Settings{"prefix": prefix}}); kindOf(err) != driver.Invalid {
			t.Errorf("the prefix %q: %v", prefix, err)
		}
	}
}

// A list that is not whole would leave tenants with the old value.
func TestAppsRefusesAListThatIsNotWhole(t *testing.T) {
	s := newSite(t, sim.Config{}, 0)
	for name, body := range map[string]string{
		"counts more":    `{"apps":[{"name":"web"}],"total_apps":2}`,
		"no list":        `{"total_apps":0}`,
		"without a name": `{"apps":[{"id":"x"}],"total_apps":1}`,
	} {
		s.Faults().Clear()
		s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Path: "/v1/apps", Code: 200, Body: body})
		if found, err := s.port.Discover(context.Background(), driver.Target{Kind: "apps", Settings: estate.Settings{"prefix": "web"}}); kindOf(err) != driver.Malformed {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}
