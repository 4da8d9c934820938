package fly

import (
	"time"
)

// The states of machines that the stand-in knows.
const (
	stateReplacing = "replacing"
	stateStarting  = "starting"
	stateStarted   = "started"
	stateStopped   = "stopped"
	stateSuspended = "suspended"
)

// machine is one virtual machine of an app.
type machine struct {
	id, name, region string
	instance         string // the version: new with each update
	app              *app
	config           map[string]any
	host             string // host_status
	booted           edition
	createdAt        time.Time
	movedAt          time.Time     // when it began to go where it goes
	down             time.Duration // how long it is replaced before it starts
	stopped          bool
	suspended        bool // stopped with its memory, from which a start goes on
	events           []event
	lease            *lease
}

type event struct {
	id, kind, status, source string
	at                       time.Time
}

// state is where the machine is at an instant: it moves by time alone.
func (m *machine) state(now time.Time, cfg Config) string {
	gone := now.Sub(m.movedAt)
	switch {
	case m.suspended:
		return stateSuspended
	case m.stopped:
		return stateStopped
	case gone < m.down:
		return stateReplacing
	case gone < m.down+cfg.Starting:
		return stateStarting
	default:
		return stateStarted
	}
}

// env is what a process in the machine reads: secrets come before what the
// configuration sets.
func (m *machine) env(name string) (string, bool) {
	if s, ok := m.booted.secrets[name]; ok {
		return s.value, true
	}
	set, _ := m.config["env"].(map[string]any)
	v, ok := set[name].(string)
	return v, ok
}

// boot sends the machine on its way with an edition of the secrets. What a
// machine boots with is what its processes have until it boots again.
func (f *Fly) boot(m *machine, e edition, down time.Duration, kind string) {
	now := f.now()
	m.booted, m.movedAt, m.down, m.stopped, m.suspended = e, now, down, false, false
	f.event(m, kind, stateReplacing, "user", now)
	f.event(m, "start", stateStarted, "flyd", now.Add(down+f.cfg.Starting))
}

func (f *Fly) event(m *machine, kind, status, source string, at time.Time) {
	m.events = append(m.events, event{f.id(26), kind, status, source, at})
}

// view is the machine as answers show it. One on a host that cannot be reached
// has no config.
func (f *Fly) view(m *machine) map[string]any {
	now := f.now()
	v := map[string]any{"id": m.id, "name": m.name, "state": m.state(now, f.cfg), "region": m.region, "instance_id": m.instance,
		"private_ip": "fdaa::1", "config": m.config, "host_status": m.host, "created_at": second(m.createdAt), "updated_at": second(m.movedAt),
		"image_ref": map[string]any{"registry": "registry.fly.io", "repository": m.app.name, "tag": "deployment-1"},
		"checks":    f.checks(m, now), "events": m.eventsBefore(now, 20)}
	if m.host != "ok" {
		delete(v, "config")
		v["incomplete_config"] = m.config
	}
	return v
}

// checks follow the app's own health: its service check asks GET /health.
func (f *Fly) checks(m *machine, now time.Time) []any {
	if m.app.uses == "" {
		return []any{}
	}
	status, output := "critical", "connection refused"
	if m.state(now, f.cfg) == stateStarted && now.Sub(m.movedAt) >= m.down+f.cfg.Starting+f.cfg.Checking {
		status, output = "passing", "200 OK"
		if !f.works(m) {
			status, output = "critical", "503 Service Unavailable"
		}
	}
	return []any{map[string]any{"name": "servicecheck-00-http-8080", "status": status, "output": output, "updated_at": second(now)}}
}

// eventsBefore gives at most n events that have happened, newest first.
func (m *machine) eventsBefore(now time.Time, n int) []any {
	list := []any{}
	for i := len(m.events) - 1; i >= 0 && len(list) < n; i-- {
		if e := m.events[i]; !e.at.After(now) {
			list = append(list, map[string]any{"id": e.id, "type": e.kind, "status": e.status, "source": e.source, "timestamp": e.at.UnixMilli()})
		}
	}
	return list
}
