package fly_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/fly"
)

var key = target("app_secret", "name", "KEY")

// put writes a value and gives the activation that the engine would ask for.
func (s *site) put(value, kind string) driver.Activation {
	s.t.Helper()
	since := s.now
	r, err := s.port.Put(s.t.Context(), driver.Write{Target: key, Value: secret.NewString(value)})
	if err != nil {
		s.t.Fatal(err)
	}
	return driver.Activation{Target: key, Kind: kind, Receipt: r, Since: since}
}

// roll goes on until the activation is done, and looks at the app each time.
func (s *site) roll(a driver.Activation, each func(driver.Progress)) {
	s.t.Helper()
	for range 200 {
		p, err := s.port.Activate(s.t.Context(), a)
		if err != nil {
			s.t.Fatal(err)
		}
		if p.Done {
			return
		}
		a.Resume = p.Resume
		s.now = s.now.Add(p.After)
		if each != nil {
			each(p)
		}
	}
	s.t.Fatal("never done")
}

func (s *site) loaded(value string) (n int) {
	for _, id := range s.Machines("web") {
		if got, ok := s.MachineEnv("web", id, "KEY"); ok && got == value {
			n++
		}
	}
	return n
}

func (s *site) updates() (n int) {
	for _, e := range s.Log() {
		if e.Operation == "POST /v1/apps/{app}/machines/{machine}" && e.Status == http.StatusOK {
			n++
		}
	}
	return n
}

func TestRollingUpdatesOneAfterTheOther(t *testing.T) {
	for _, cfg := range []sim.Config{slow, {FlatLeases: true, RateLimits: true}} {
		s := newSite(t, cfg, 3)
		down := 0
		s.roll(s.put("new", "rolling"), func(driver.Progress) {
			if !s.Healthy("web") {
				down++
			}
		})
		if s.loaded("new") != 3 || s.updates() != 3 || down > 0 {
			t.Errorf("%d of 3 loaded by %d updates; down at %d looks", s.loaded("new"), s.updates(), down)
		}
		if s.made("POST", "/releases") != 1 || s.made("PATCH", "") != 1 {
			t.Errorf("%d releases, %d ended", s.made("POST", "/releases"), s.made("PATCH", ""))
		}
	}
}

// At once no machine waits for another, and the app is away for as long as the
// slowest takes to boot, not for all of them one after the other.
func TestImmediateUpdatesAllAtOnce(t *testing.T) {
	away := map[string]time.Duration{}
	for _, kind := range []string{"rolling", "immediate"} {
		s := newSite(t, slow, 3)
		a := s.put("new", kind)
		began, first := s.now, time.Duration(-1)
		s.roll(a, func(driver.Progress) {
			if first < 0 && s.updates() == 3 {
				first = s.now.Sub(began)
			}
		})
		away[kind] = s.now.Sub(began)
		if s.loaded("new") != 3 || s.updates() != 3 || s.made("POST", "/releases") != 1 || s.made("PATCH", "") != 1 {
			t.Errorf("%s: %d of 3 loaded by %d updates, %d releases", kind, s.loaded("new"), s.updates(), s.made("POST", "/releases"))
		}
		if kind == "immediate" && first > 2*time.Second {
			t.Errorf("the last machine was updated %s after the write", first)
		}
	}
	if away["immediate"] > away["rolling"]/2 {
		t.Errorf("at once takes %s, one after the other %s", away["immediate"], away["rolling"])
	}
}

// At once it goes on with what a kill has left, and never says done while a
// machine is not well.
func TestImmediateGoesOnAndWaitsForAll(t *testing.T) {
	s := newSite(t, slow, 3)
	a := s.put("new", "immediate")
	for range 3 { // the release, and two machines
		p, err := s.port.Activate(t.Context(), a)
		if err != nil || p.Done {
			t.Fatalf("%+v, %v", p, err)
		}
		a.Resume = p.Resume
		s.now = s.now.Add(p.After)
	}
	a.Resume = ""
	s.connect(s.session)
	s.roll(a, nil)
	if s.loaded("new") != 3 || s.updates() != 3 || !s.Healthy("web") {
		t.Errorf("%d of 3 loaded by %d updates; well: %t", s.loaded("new"), s.updates(), s.Healthy("web"))
	}
}

// The machines themselves say what was done, so nothing is lost with the
// process or its journal.
func TestRollingGoesOnAfterEachKill(t *testing.T) {
	for kill := range 12 {
		s := newSite(t, slow, 3)
		a, looks := s.put("new", "rolling"), 0
		for ; looks < kill; looks++ {
			p, err := s.port.Activate(t.Context(), a)
			if err != nil || p.Done {
				break
			}
			s.now = s.now.Add(p.After)
			if kill%2 == 0 {
				a.Resume = p.Resume
			}
		}
		a.Resume = ""
		s.connect(s.session)
		s.roll(a, nil)
		if s.loaded("new") != 3 || s.updates() != 3 {
			t.Errorf("killed after %d looks: %d loaded by %d updates", kill, s.loaded("new"), s.updates())
		}
	}
}

// A value that does not work stops the roll at the first machine.
func TestRollingStopsAtAnUnhealthyMachine(t *testing.T) {
	s := newSite(t, slow, 3)
	place := target("app_secret", "name", "FLY_API_TOKEN")
	r, err := s.port.Put(t.Context(), driver.Write{Target: place, Value: secret.NewString("broken")})
	if err != nil {
		t.Fatal(err)
	}
	a := driver.Activation{Target: place, Kind: "rolling", Receipt: r, Since: s.now}
	var p driver.Progress
	for range 30 {
		if p, err = s.port.Activate(t.Context(), a); err != nil || p.Done {
			t.Fatalf("%+v, %v", p, err)
		}
		a.Resume = p.Resume
		s.now = s.now.Add(p.After)
	}
	if s.updates() != 1 || !strings.Contains(p.Detail, "critical") {
		t.Errorf("%d machines were updated: %s", s.updates(), p.Detail)
	}
}

// A machine whose program cannot boot with a value is stopped. It is none that
// somebody lets rest: the roll waits at it, the next one begins with it and
// starts it, and no other machine is touched before.
func TestRollingStartsAMachineWhoseProgramHasEnded(t *testing.T) {
	boot := func(l sim.Launch) (http.Handler, io.Closer, error) {
		if l.Env["KEY"] == "broken" {
			return nil, nil, errors.New("the key is refused")
		}
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil, nil
	}
	s := newSite(t, sim.Config{Launcher: sim.InProcess(boot)}, 2)
	s.put("good", "rolling")
	s.Reboot("web")
	for range 2 {
		a := s.put("broken", "rolling")
		var p driver.Progress
		for range 20 {
			var err error
			if p, err = s.port.Activate(t.Context(), a); err != nil || p.Done {
				t.Fatalf("%+v, %v", p, err)
			}
			a.Resume, s.now = p.Resume, s.now.Add(p.After)
		}
		if s.loaded("broken") != 1 || !strings.Contains(p.Detail, "is stopped: its program ended with exit code 1") {
			t.Fatalf("%d machines have it: %s", s.loaded("broken"), p.Detail)
		}
	}
	f, err := s.port.Check(t.Context(), driver.CheckRequest{Target: target("machines_health")})
	if err != nil || f.State != driver.Failed || !strings.Contains(f.Detail, "exit code 1") {
		t.Errorf("the machines' health: %+v, %v", f, err)
	}
	s.roll(s.put("good", "rolling"), func(p driver.Progress) {
		if s.loaded("broken") == 1 && s.updates() != 2 {
			t.Errorf("another machine was updated first: %s", p.Detail)
		}
	})
	if up := len(s.Started("web")); up != 2 || !s.Healthy("web") || s.loaded("good") != 2 {
		t.Errorf("%d machines are up, %d have the good value", up, s.loaded("good"))
	}
}

// TestRollingBeginsWithTheMachineThatIsDown holds that a roll that follows
// another one in its midst, as an undo does, leaves the machine alone that
// serves until the one that boots serves too.
func TestRollingBeginsWithTheMachineThatIsDown(t *testing.T) {
	s := newSite(t, sim.Config{Starting: 10 * time.Second}, 3)
	ids := s.Machines("web")
	a := s.put("new", "rolling")
	for range 20 { // until the last machine boots and the others serve
		p, err := s.port.Activate(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		a.Resume = p.Resume
		if strings.Contains(p.Detail, ids[len(ids)-1]+" boots") {
			break
		}
		s.now = s.now.Add(p.After)
	}
	s.roll(s.put("old", "rolling"), func(p driver.Progress) {
		if up := len(s.Started("web")); up < len(ids)-1 {
			t.Errorf("%d of %d machines are up: %s", up, len(ids), p.Detail)
		}
	})
	if got := s.loaded("old"); got != len(ids) {
		t.Errorf("%d machines have it, want %d", got, len(ids))
	}
}

func TestRollingWithoutTheVersionOfTheWrite(t *testing.T) {
	s := newSite(t, slow, 2)
	a := s.put("new", "rolling")
	a.Receipt.Revision = "" // the write's answer was lost; the look after it tells no version
	s.connect(s.session)
	s.roll(a, nil)
	if s.loaded("new") != 2 || s.updates() != 2 || s.made("POST", "/web/secrets") != 1 {
		t.Errorf("%d loaded by %d updates, %d looks for the version", s.loaded("new"), s.updates(), s.made("POST", "/web/secrets"))
	}
	if v, ok := s.SecretValue("web", "KEY"); !ok || v != "new" {
		t.Error("the secret is gone")
	}
}

func TestRollingKeepsTheConfiguration(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	const config = `{"image":"i","init":{"exec":null},"guest":{"memory_mb":256,"f":1.5},"metadata":{"owner":"<a&b>","fly_process_group":"app"},"env":{"A":"é\u2028"}}`
	s.call("POST", "", `{"config":`+config+`}`)
	s.roll(s.put("new", "rolling"), nil)
	var body struct {
		Config             json.RawMessage
		MinSecretsVersion  int    `json:"min_secrets_version"`
		CurrentVersion     string `json:"current_version"`
		Region, Name, Lsvd any
	}
	sent := s.sent(t, "/machines/"+s.Machines("web")[0])
	if err := json.Unmarshal(sent, &body); err != nil || body.MinSecretsVersion == 0 || body.CurrentVersion == "" || body.Region != "ams" {
		t.Fatalf("the update asks for %+v, %v", body, err)
	}
	var got, want map[string]any
	for text, into := range map[string]*map[string]any{config: &want, string(body.Config): &got} {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	meta := got["metadata"].(map[string]any)
	for _, ours := range []string{"pawl_secrets_version", "fly_release_id", "fly_release_version"} {
		if s, ok := meta[ours].(string); !ok || s == "" {
			t.Errorf("the metadata lack %s", ours)
		}
		delete(meta, ours)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the configuration was\n%v\nand is\n%v", want, got)
	}
}

// sent gives the body of the last POST to a path below the app.
func (s *site) sent(t *testing.T, path string) []byte {
	t.Helper()
	b, ok := s.bodies[path]
	if !ok {
		t.Fatalf("nothing was sent to %s", path)
	}
	return b
}

func TestRollingLeavesSomeMachinesAlone(t *testing.T) {
	s := newSite(t, slow, 3)
	s.call("POST", "/stop", "")
	unreachable := s.Machines("web")[1]
	s.SetHostStatus("web", unreachable, "unreachable")
	a := s.put("new", "rolling")
	var p driver.Progress
	for range 40 {
		var err error
		if p, err = s.port.Activate(t.Context(), a); err != nil || p.Done {
			t.Fatalf("%+v, %v", p, err)
		}
		a.Resume = p.Resume
		s.now = s.now.Add(p.After)
	}
	if s.updates() != 2 || !strings.Contains(p.Detail, unreachable) {
		t.Fatalf("%d updates: %s", s.updates(), p.Detail)
	}
	s.SetHostStatus("web", unreachable, "ok")
	s.roll(a, nil)
	f, err := s.port.Check(t.Context(), driver.CheckRequest{Target: target("machines_health")})
	if err != nil || f.State != driver.Failed || !strings.Contains(f.Detail, s.Machines("web")[0]+" is stopped") {
		t.Errorf("the machine that was stopped did not stay so: %+v, %v", f, err)
	}
	if s.loaded("new") != 3 {
		t.Errorf("%d of 3 have it", s.loaded("new"))
	}
}

func TestRollingWithoutReleases(t *testing.T) {
	for _, code := range []int{403, 404, 422} {
		s := newSite(t, sim.Config{}, 2)
		s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Path: "/api/v1/releases", Code: code})
		s.roll(s.put("new", "rolling"), nil)
		if s.loaded("new") != 2 || s.made("POST", "/releases") != 1 {
			t.Errorf("%d: %d loaded, %d attempts to make a release", code, s.loaded("new"), s.made("POST", "/releases"))
		}
	}
}

func TestRollingWaitsForSomebodysLease(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	a := s.put("new", "rolling")
	s.call("POST", "/lease", `{"ttl":120}`)
	p, err := s.port.Activate(t.Context(), a) // makes the release
	if err != nil || p.Done {
		t.Fatal(p, err)
	}
	a.Resume = p.Resume
	if _, err := s.port.Activate(t.Context(), a); kindOf(err) != driver.Conflict || driver.AsError("", err).Effect != "none" {
		t.Errorf("got %v, want a conflict", err)
	}
	s.now = s.now.Add(3 * time.Minute)
	s.roll(a, nil)
	if s.loaded("new") != 1 {
		t.Error("the machine does not have it")
	}
}

func TestNextDeploy(t *testing.T) {
	s := newSite(t, sim.Config{RestartKeepsSecrets: true}, 1)
	s.now = s.now.Add(time.Hour)
	a := s.put("new", "next_deploy")
	pending := func(when string) {
		t.Helper()
		if p, err := s.port.Activate(t.Context(), a); err != nil || p.Done || p.After <= 0 {
			t.Errorf("%s: %+v, %v; want it to wait", when, p, err)
		}
	}
	pending("after the write")
	s.now = s.now.Add(time.Minute)
	s.call("POST", "/restart", "")
	pending("after a restart, which keeps what it had")
	s.now = s.now.Add(time.Minute)
	s.call("POST", "/stop", "")
	s.call("POST", "/start", "")
	if p, err := s.port.Activate(t.Context(), a); err != nil || !p.Done || s.loaded("new") != 1 {
		t.Errorf("after a start: %+v, %v", p, err)
	}
	if s.updates() != 0 {
		t.Error("a machine was updated")
	}
}

// flyctl takes the app's configuration from the newest release: that of pawl
// must have the one that was there.
func TestRollingReleaseKeepsTheAppsConfiguration(t *testing.T) {
	s := newSite(t, sim.Config{}, 2)
	s.roll(s.put("new", "rolling"), nil)
	var sent struct {
		App        string `json:"app_name"`
		Strategy   string
		Definition map[string]any
	}
	if err := json.Unmarshal(s.sent(t, "/api/v1/releases"), &sent); err != nil {
		t.Fatal(err)
	}
	if sent.App != "web" || sent.Strategy != "ROLLING" || sent.Definition["app"] != "web" || sent.Definition["primary_region"] != "ams" {
		t.Errorf("the release is %+v", sent)
	}
	for _, r := range s.seen {
		if strings.Contains(r.URL.Path, "/releases") && r.Header.Get("Authorization") != "Bearer "+s.session {
			t.Error("the releases calls take every token as Bearer")
		}
	}
}

func TestRollingMakesNoReleaseWithoutAConfiguration(t *testing.T) {
	for name, body := range map[string]string{
		"never deployed":      `{"data":{"app":{"currentReleaseUnprocessed":null}}}`,
		"none in the release": `{"data":{"app":{"currentReleaseUnprocessed":{"configDefinition":null}}}}`,
		"an empty one":        `{"data":{"app":{"currentReleaseUnprocessed":{"configDefinition":{}}}}}`,
		"no object":           `{"data":{"app":{"currentReleaseUnprocessed":{"configDefinition":"x"}}}}`,
		"not known to Fly":    `{"errors":[{"message":"Field 'currentReleaseUnprocessed' doesn't exist on type 'App'"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, sim.Config{}, 2)
			s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Operation: "app", Code: 200, Body: body})
			s.roll(s.put("new", "rolling"), nil)
			if s.loaded("new") != 2 || s.made("POST", "/releases") != 0 {
				t.Errorf("%d loaded, %d releases", s.loaded("new"), s.made("POST", "/releases"))
			}
		})
	}
}

// Macaroons go to the releases calls without their own scheme, as flyctl sends
// them.
func TestReleaseCallsTakeMacaroonsAsBearer(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	_, scoped := s.AddDeployToken("web", "ops", 48*time.Hour)
	s.connect(scoped)
	s.roll(s.put("new", "rolling"), nil)
	sent := 0
	for _, r := range s.seen {
		if strings.Contains(r.URL.Path, "/releases") {
			sent++
			if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer fm2_") {
				t.Error("a macaroon went out with another scheme")
			}
		}
	}
	if sent != 2 || s.loaded("new") != 1 {
		t.Errorf("%d releases calls, %d loaded", sent, s.loaded("new"))
	}
}

func TestReleaseIsReadFlatToo(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Method: "POST", Path: "/api/v1/releases", Code: 201, Body: `{"id":77,"version":5}`})
	s.roll(s.put("new", "rolling"), nil)
	body := string(s.sent(t, "/machines/"+s.Machines("web")[0]))
	if !strings.Contains(body, `"fly_release_version":"5"`) || s.made("PATCH", "/releases/77") != 1 {
		t.Errorf("the release was not taken: %d ended", s.made("PATCH", "/releases/77"))
	}
}

// A suspended machine goes on with the memory that it had, so its start is no
// boot.
func TestNextDeployDoesNotCountAResumedMachine(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	s.call("POST", "/suspend", "")
	a := s.put("new", "next_deploy")
	s.now = s.now.Add(time.Minute)
	s.call("POST", "/start", "")
	if p, err := s.port.Activate(t.Context(), a); err != nil || p.Done || s.loaded("new") != 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	s.call("POST", "/stop", "")
	s.now = s.now.Add(time.Minute)
	s.call("POST", "/start", "")
	if p, err := s.port.Activate(t.Context(), a); err != nil || !p.Done || s.loaded("new") != 1 {
		t.Errorf("after a boot: %+v, %v", p, err)
	}
}

func TestRollingUpdatesASuspendedMachine(t *testing.T) {
	s := newSite(t, sim.Config{}, 2)
	s.call("POST", "/suspend", "")
	s.roll(s.put("new", "rolling"), nil)
	if s.loaded("new") != 2 {
		t.Errorf("%d of 2 have it", s.loaded("new"))
	}
	s.call("POST", "/start", "")
	if s.loaded("new") != 2 {
		t.Error("the machine went on with the old value")
	}
}

// Release commands and consoles come and go: nobody serves from them.
func TestRollingLeavesPassingMachinesOut(t *testing.T) {
	s := newSite(t, sim.Config{}, 2)
	s.call("POST", "", `{"config":{"image":"i","metadata":{"fly_process_group":"fly_app_release_command"}}}`)
	before := s.updates()
	s.roll(s.put("new", "rolling"), nil)
	if s.updates()-before != 1 {
		t.Errorf("%d machines were updated, want 1", s.updates()-before)
	}
}

// The description has a lease's ttl in the body, fly-go sends it in the query.
func TestLeaseAsksForItsEndInBothWays(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	s.roll(s.put("new", "rolling"), nil)
	for _, r := range s.seen {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/lease") && r.URL.Query().Get("ttl") != "60" {
			t.Errorf("the query asks for %q", r.URL.RawQuery)
		}
	}
	if body := string(s.sent(t, "/machines/"+s.Machines("web")[0]+"/lease")); !strings.Contains(body, `"ttl":60`) {
		t.Errorf("the body asks for %s", body)
	}
}

// consumer is an app that reads a value which was written somewhere else.
func (s *site) consumer(kind string) driver.Activation {
	t := target(kind)
	return driver.Activation{Target: t, Kind: kind, Consumer: true, Receipt: driver.Receipt{Exists: true, Revision: "99"}, Since: s.now}
}

// An app that reads the value from somewhere else: its machines boot again, one
// after the other, once for each write, although its own secrets did not
// change. What the other place told of its write does not matter.
func TestRollingOfAConsumer(t *testing.T) {
	s := newSite(t, slow, 3)
	a := s.consumer("rolling")
	down := 0
	s.roll(a, func(driver.Progress) {
		if !s.Healthy("web") {
			down++
		}
	})
	if s.updates() != 3 || down > 0 {
		t.Errorf("%d updates of 3 machines; down at %d looks", s.updates(), down)
	}
	s.roll(a, nil)
	if s.updates() != 3 {
		t.Errorf("%d updates: a machine that has booted since was updated again", s.updates())
	}
	s.now = s.now.Add(time.Hour)
	s.roll(s.consumer("rolling"), nil)
	if s.updates() != 6 {
		t.Errorf("%d updates after the next write, want 6", s.updates())
	}
}

// Somebody else deploys an app that reads the value from somewhere else.
func TestConsumerWaitsForADeployment(t *testing.T) {
	s := newSite(t, sim.Config{}, 2)
	a := s.consumer("next_deploy")
	p, err := s.port.Activate(t.Context(), a)
	if err != nil || p.Done || s.updates() != 0 {
		t.Fatalf("%+v, %v, %d updates", p, err, s.updates())
	}
	s.now = s.now.Add(time.Minute)
	s.roll(s.consumer("rolling"), nil)
	if p, err = s.port.Activate(t.Context(), a); err != nil || !p.Done {
		t.Errorf("after every machine has booted it is %+v, %v", p, err)
	}
}
