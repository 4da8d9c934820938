package fly

import (
	"sync"
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

// privateIP is the address of every machine.
const privateIP = "fdaa::1"

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
	place            int // among its app's machines, which names its volume

	// What follows is for machines with a program: see program.go.
	turn    sync.Mutex // for who replaces the program; taken before Fly.mu
	program *program   // nil while there is none
	phase   string     // the state, where that is not a matter of time
	want    int        // counts the changes of what the program is to be
	settled int        // the last of them that was acted on
	tries   int        // launches again since it last worked
	boots   []Boot
}

type event struct {
	id, kind, status, source string
	at                       time.Time
	exit                     *exit // of kind exit
}

// exit is how a program has ended.
type exit struct {
	code       int
	asked      bool
	restarting bool
}

// view has the names of fly-go's MachineExitEvent.
func (e exit) view(at time.Time) map[string]any {
	return map[string]any{"exit_event": map[string]any{"exit_code": e.code, "guest_exit_code": e.code, "requested_stop": e.asked,
		"restarting": e.restarting, "oom_killed": false, "exited_at": second(at)}}
}

// state is where the machine is at an instant: it moves by time alone, or where
// its program is.
func (m *machine) state(now time.Time, cfg Config) string {
	gone := now.Sub(m.movedAt)
	switch {
	case m.suspended:
		return stateSuspended
	case m.stopped:
		return stateStopped
	case m.phase != "":
		return m.phase
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
	m.tries = 0
	f.begins(m, now.Add(down+f.cfg.Starting))
}

// begins tells when a machine will be started. Of one with a program in
// another process nobody knows it yet.
func (f *Fly) begins(m *machine, at time.Time) {
	if f.cfg.Launcher == nil || f.atOnce() {
		f.event(m, "start", stateStarted, "flyd", at)
	}
}

func (f *Fly) event(m *machine, kind, status, source string, at time.Time) {
	m.events = append(m.events, event{id: f.id(26), kind: kind, status: status, source: source, at: at})
}

// view is the machine as answers show it. One on a host that cannot be reached
// has no config.
func (f *Fly) view(m *machine) map[string]any {
	now := f.now()
	v := map[string]any{"id": m.id, "name": m.name, "state": m.state(now, f.cfg), "region": m.region, "instance_id": m.instance,
		"private_ip": privateIP, "config": m.config, "host_status": m.host, "created_at": second(m.createdAt), "updated_at": second(m.movedAt),
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
	if f.cfg.Launcher != nil {
		return f.realChecks(m, now)
	}
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
			v := map[string]any{"id": e.id, "type": e.kind, "status": e.status, "source": e.source, "timestamp": e.at.UnixMilli()}
			if e.exit != nil {
				v["request"] = e.exit.view(e.at)
			}
			list = append(list, v)
		}
	}
	return list
}
