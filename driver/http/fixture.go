package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// fixture is a check that makes something, waits until it is ready, and takes
// it away again, also when it never was ready. It is what the engine keeps of
// it between two looks.
type fixture struct {
	Stage stage  `json:"stage"`
	Stamp string `json:"stamp"` // tells this run's fixture from all others
	ID    string `json:"id,omitempty"`
	Until int64  `json:"until,omitempty"` // when it must be ready: Unix seconds
	Why   string `json:"why,omitempty"`   // what was wrong, "" when it was ready
}

// stage is what a fixture needs next.
type stage string

const (
	stageCreate stage = "create"
	stageReady  stage = "ready"
	stageDelete stage = "delete"
	stageGone   stage = "gone"
)

// readyPoll is the longest pause between two looks at a fixture.
const readyPoll = 10 * time.Second

// fixture takes the next step of a fixture. A step is one request, so that
// what it made is on record before the next is sent.
func (c *conn) fixture(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	f := fixture{Stage: stageCreate, Stamp: strconv.FormatInt(r.Since.Unix(), 10)}
	if r.Resume != "" && json.Unmarshal([]byte(r.Resume), &f) != nil {
		return driver.Finding{}, &driver.Error{Op: "fixture", Kind: driver.Internal, Effect: pawl.EffectUnknown, Why: "what is on record of the fixture cannot be read"}
	}
	s := r.Target.Settings
	if r.Stop && f.Stage == stageReady {
		f.Stage, f.Why = stageDelete, "the rotation went on without it"
	}
	switch f.Stage {
	case stageCreate:
		return c.create(ctx, s, f, r.Stop)
	case stageReady:
		return c.ready(ctx, s, f)
	case stageDelete:
		return c.delete(ctx, s, f)
	default:
		return c.goneYet(ctx, s, f)
	}
}

// create makes the fixture. That it is there already means that the answer
// to an earlier request of this run was lost.
func (c *conn) create(ctx context.Context, s estate.Settings, f fixture, stop bool) (driver.Finding, error) {
	if stop { // it may have been made by a request whose answer was lost
		f.Why = "the rotation went on without it"
		return c.adopt(ctx, s, f, stageDelete)
	}
	q, err := ask("create fixture", orElse(s.String("method"), http.MethodPost), f.fill(s.String("path")), s)
	if err == nil {
		err = carry(&q, secret.NewString(f.fill(s.String("body"))), "")
	}
	if err != nil {
		return driver.Finding{}, err
	}
	var body []byte
	_, err = c.client.Do(ctx, q, &body)
	if err != nil && !conflicts(err) {
		return refused(err, c.env.Credential != nil)
	}
	next := stageReady
	if s.String("ready_path") == "" {
		next = stageDelete
	}
	f.Until = c.env.Now().Add(s.Duration("ready_within")).Unix()
	place := s.String("id_at")
	if place == "" || err != nil {
		return c.adopt(ctx, s, f, next)
	}
	root, _ := parse(body)
	if f.ID, _ = find(root, place); f.ID == "" {
		return driver.Finding{}, &driver.Error{Op: q.Op, On: q.On, Kind: driver.Malformed, Effect: pawl.EffectApplied, Why: "the answer has no id at " + place, Next: "set id_at to where the answer has it"}
	}
	f.Stage = next
	return f.goOn(0, "made")
}

// adopt goes on with a fixture whose id no answer told: the id is the stamp,
// or it is found by the stamp. One that is not found was not made.
func (c *conn) adopt(ctx context.Context, s estate.Settings, f fixture, next stage) (driver.Finding, error) {
	f.ID, f.Stage = f.Stamp, next
	if s.String("id_at") == "" {
		return f.goOn(0, "it is there by its name")
	}
	q, err := ask("find fixture", http.MethodGet, f.fill(s.String("find_path")), s)
	if s.String("find_path") == "" {
		return driver.Finding{}, &driver.Error{Op: q.Op, Kind: driver.Invalid, Effect: pawl.EffectUnknown, Why: "the answer that told the fixture's id was lost: one with the stamp " + f.Stamp + " may be there",
			Next: "look for it and take it away; set find_path and find_at so that pawl does this"}
	}
	if err != nil {
		return driver.Finding{}, err
	}
	var body []byte
	if _, err = c.client.Do(ctx, q, &body); err != nil && !missing(err) {
		return driver.Finding{}, err
	}
	root, _ := parse(body)
	var found bool
	if f.ID, found = find(root, f.fill(s.String("find_at"))); !found {
		f.Why = orElse(f.Why, "it was not made")
		return f.end()
	}
	return f.goOn(0, "found by its stamp")
}

// ready looks whether the fixture is what it must become. Only an answer that
// it is not, or time, ends the wait.
func (c *conn) ready(ctx context.Context, s estate.Settings, f fixture) (driver.Finding, error) {
	q, err := ask("look at fixture", http.MethodGet, f.fill(s.String("ready_path")), s)
	if err != nil {
		return driver.Finding{}, err
	}
	why := ""
	var body []byte
	got, err := c.client.Do(ctx, q, &body)
	if err == nil {
		look, err := expect(q, estate.Settings{"json": s.Map("ready")}, got.Status, body)
		if err != nil {
			return driver.Finding{}, err
		}
		if look.State == driver.Passed {
			f.Stage = stageDelete
			return f.goOn(0, "ready")
		}
		why = look.Detail
	} else {
		look, err := refused(err, c.env.Credential != nil)
		if err != nil && ctx.Err() == nil && c.late(f) {
			why = "nobody answered in time"
		} else if err != nil {
			return driver.Finding{}, err
		}
		why = orElse(why, look.Detail)
	}
	if !c.late(f) {
		return f.goOn(readyPoll, "not ready: "+why)
	}
	f.Stage, f.Why = stageDelete, fmt.Sprintf("it was not ready within %s: %s", s.Duration("ready_within"), why)
	return f.goOn(0, f.Why)
}

func (c *conn) late(f fixture) bool { return c.env.Now().Unix() >= f.Until }

// delete takes the fixture away. That it is not there, or that its end is
// under way, is as good.
func (c *conn) delete(ctx context.Context, s estate.Settings, f fixture) (driver.Finding, error) {
	q, err := ask("delete fixture", orElse(s.String("delete_method"), http.MethodDelete), f.fill(s.String("delete_path")), s)
	if err != nil {
		return driver.Finding{}, err
	}
	if _, err := c.client.Do(ctx, q, nil); err != nil && !missing(err) && !(conflicts(err) && s.String("gone_path") != "") {
		return driver.Finding{}, err
	}
	if s.String("gone_path") == "" {
		return f.end()
	}
	f.Stage = stageGone
	return f.goOn(0, "taken away")
}

// goneYet looks whether the fixture is not there any more. One that still is
// is taken away again.
func (c *conn) goneYet(ctx context.Context, s estate.Settings, f fixture) (driver.Finding, error) {
	q, err := ask("look for fixture", http.MethodGet, f.fill(s.String("gone_path")), s)
	if err != nil {
		return driver.Finding{}, err
	}
	_, err = c.client.Do(ctx, q, nil)
	switch {
	case missing(err):
		return f.end()
	case err != nil:
		return driver.Finding{}, err
	default:
		f.Stage = stageDelete
		return f.goOn(readyPoll, "it is still there")
	}
}

func missing(err error) bool   { return isKind(err, driver.NotFound) }
func conflicts(err error) bool { return isKind(err, driver.Conflict) }

func isKind(err error, kind driver.ErrorKind) bool {
	var e *driver.Error
	return errors.As(err, &e) && e.Kind == kind
}

// fill puts the run's stamp and the fixture's id into a text of the estate.
func (f fixture) fill(text string) string {
	return strings.NewReplacer("{stamp}", f.Stamp, "{id}", f.ID).Replace(text)
}

func (f fixture) goOn(after time.Duration, detail string) (driver.Finding, error) {
	b, err := json.Marshal(f)
	if err != nil {
		return driver.Finding{}, &driver.Error{Op: "fixture", Kind: driver.Internal, Effect: pawl.EffectUnknown, Err: err}
	}
	return driver.Finding{State: driver.Pending, Resume: string(b), After: max(after, time.Second), Detail: "fixture " + f.Stamp + ": " + detail}, nil
}

// end says what the fixture has shown, now that nothing is left of it.
func (f fixture) end() (driver.Finding, error) {
	if f.Why != "" {
		return driver.Finding{State: driver.Failed, Final: true, Detail: f.Why + "; nothing is left of it"}, nil
	}
	return driver.Finding{State: driver.Passed, Detail: "fixture " + f.Stamp + " was made, ready, and taken away"}, nil
}

// fixtureFields are the settings of a fixture.
func fixtureFields() []estate.Field {
	return []estate.Field{
		text("path", "/cp/orgs", "The path that makes the fixture.", true),
		method("method", "POST", "POST", "PUT"),
		text("body", `{"slug":"keytest-{stamp}","name":"Rotation test"}`, "The JSON that makes it. `{stamp}` is the second in which the check began: use it in a name, so that two runs make two fixtures and a run whose answer was lost finds its own. Never a value.", false),
		headersField(),
		text("id_at", "org.id", "Where the answer has the fixture's id, written as for `watch` of `put_watched`. Without it the stamp is the id.", false),
		text("find_path", "/cp/orgs?slug=keytest-{stamp}", "Where a fixture is found by its stamp when the answer that told its id was lost. Needed with `id_at` for that case.", false),
		text("find_at", "orgs.[slug=keytest-{stamp}].id", "Where that answer has the id. `{stamp}` is filled in.", false),
		text("ready_path", "/cp/orgs/{id}", "The path whose GET tells whether the fixture is ready. Without it one that was made is ready.", false),
		{Name: "ready", Type: estate.Map, Example: "{status: running}", Doc: "What must stand in the JSON of `ready_path`: places and their texts. Without it any success is enough."},
		{Name: "ready_within", Type: estate.Duration, Default: readyWithin, Example: "60s", Doc: "How long it may take to be ready. When it is over, the fixture is taken away and the check has failed."},
		text("delete_path", "/cp/orgs/{id}", "The path that takes it away. It is called in every case, and again until it was answered.", true),
		method("delete_method", "DELETE", "DELETE", "POST"),
		text("gone_path", "/cp/orgs/{id}", "A path whose GET answers 404 once the fixture has gone. Without it the answer to taking it away is enough.", false),
	}
}

const (
	readyWithin   = 2 * time.Minute
	fixtureWithin = 15 * time.Minute
)

func fixtureKind() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindFixture,
		Doc:      "Makes something with the system, waits until it is ready, and takes it away again, also when it failed or the rotation turned back: a whole path through the consumer, such as provisioning a tenant.",
		Fields:   fixtureFields(),
		Identity: []string{"path"},
		Check:    &estate.CheckFacts{Acts: true, Cleans: true, Within: fixtureWithin},
		Manual: estate.Manual{"check": `curl -X {{.method}} {{sh .base .path}}` + typedHeaders + `{{with .body}} --json {{sh .}}{{end}}   # {stamp}: what date +%s prints
{{if .ready_path}}curl {{sh .base .ready_path}}` + typedHeaders + `   # until{{range $place, $text := .ready}} {{line $place}} is {{line $text}}{{else}} it is ready{{end}}
{{end}}curl -X {{.delete_method}} {{sh .base .delete_path}}` + typedHeaders + `{{if .gone_path}}
curl -i {{sh .base .gone_path}}` + typedHeaders + `   # status 404{{end}}`}}
}
