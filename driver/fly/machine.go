package fly

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// The states of a machine that matter here. All others are on their way
// somewhere.
const (
	started   = "started"
	stopped   = "stopped"
	suspended = "suspended"
)

// marker is the entry of a machine's metadata that says which version of the
// app's secrets pawl has made it boot with.
const marker = "pawl_secrets_version"

// machine is what the driver reads of a machine. The configuration is kept as
// it came, since it goes back whole.
type machine struct {
	ID         string                     `json:"id"`
	Name       string                     `json:"name"`
	Region     string                     `json:"region"`
	State      string                     `json:"state"`
	Instance   string                     `json:"instance_id"`
	HostStatus string                     `json:"host_status"`
	Config     map[string]json.RawMessage `json:"config"`
	Checks     []struct {
		Name, Status string
	} `json:"checks"`
	Events []event `json:"events"`
}

type event struct {
	Type      string `json:"type"`
	Status    string `json:"status"`
	Timestamp int64  `json:"timestamp"` // milliseconds since 1970
	Request   struct {
		Exit *exit `json:"exit_event"`
	} `json:"request"`
}

// exit is how a machine's program has ended (fly-go, machine_types.go:
// MachineExitEvent). What is zero is left out.
type exit struct {
	Code      int  `json:"exit_code"`
	OOMKilled bool `json:"oom_killed"`
	Requested bool `json:"requested_stop"`
}

// machines lists the machines of an app that serve it: destroyed ones and the
// short-lived ones of flyctl (release commands, consoles) do not.
func (c *conn) machines(ctx context.Context, op, app string) ([]machine, error) {
	r := with(op, app, http.MethodGet, pathMachines, path(app), nil)
	r.LimitKey = "list machines " + app
	var all []machine
	if _, err := c.api.Do(ctx, r, &all); err != nil {
		return nil, err
	}
	list := make([]machine, 0, len(all))
	for _, m := range all {
		if m.ID == "" || m.State == "" {
			return nil, &driver.Error{Op: op, On: app, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer has a machine without id or state"}
		}
		if m.State != "destroyed" && m.State != "destroying" && !strings.HasPrefix(m.metadata()["fly_process_group"], "fly_app_") {
			list = append(list, m)
		}
	}
	return list, nil
}

func (m *machine) metadata() map[string]string {
	var meta map[string]string
	_ = json.Unmarshal(m.Config["metadata"], &meta) // none where it is not an object of texts
	return meta
}

// loadMarker is the entry that says since which write pawl has made a machine
// boot that reads the value from somewhere else, as the second of the write.
const loadMarker = "pawl_loads_since"

// marker is the entry by which a machine is known to be done.
func (r roll) marker() string {
	if r.Loads {
		return loadMarker
	}
	return marker
}

// marked reports whether pawl has made the machine boot with a version of the
// secrets or a later one, or after a write or a later one.
func (m *machine) marked(at roll) bool {
	n, err := strconv.Atoi(m.metadata()[at.marker()])
	return err == nil && n >= at.Version
}

// reachable reports whether the machine's configuration can be trusted. Fly
// does not know that of a machine whose host does not answer.
func (m *machine) reachable() bool {
	return (m.HostStatus == "ok" || m.HostStatus == "") && m.Config != nil
}

// resting reports whether the machine does not run, and is meant not to. What
// it boots next has the secrets of then; a suspended one goes on with what it
// had.
func (m *machine) resting() bool {
	return m.State == suspended || m.State == stopped && m.crashed() == nil
}

// crashed gives the end of a program that Fly has given up to start again, nil
// where the machine was stopped or its program was done.
func (m *machine) crashed() *exit {
	for _, e := range m.Events { // newest first
		switch e.Type {
		case "launch", "update", "start", "stop", "suspend":
			return nil
		case "exit":
			if x := e.Request.Exit; x != nil && !x.Requested && (x.Code != 0 || x.OOMKilled) {
				return x
			}
			return nil
		}
	}
	return nil
}

// sleeps reports whether Fly stops the machine when it is idle.
func (m *machine) sleeps() bool {
	var services []struct{ Autostop any }
	_ = json.Unmarshal(m.Config["services"], &services) // no service, no sleep
	for _, s := range services {
		if s.Autostop == true || s.Autostop == "stop" || s.Autostop == "suspend" {
			return true
		}
	}
	return len(m.Config["standbys"]) > 0 && string(m.Config["standbys"]) != "null" && string(m.Config["standbys"]) != "[]"
}

// unhealthy says what is wrong with a machine that should serve, "" if
// nothing is.
func (m *machine) unhealthy() string {
	if x := m.crashed(); x != nil && m.State == stopped {
		return "machine " + m.ID + " is stopped: its program ended with exit code " + strconv.Itoa(x.Code)
	}
	if m.State != started {
		return "machine " + m.ID + " is " + m.State
	}
	for _, check := range m.Checks {
		if check.Status != "passing" {
			return "a check of machine " + m.ID + " is " + check.Status
		}
	}
	return ""
}

// down reports whether a machine that should serve does not.
func (m *machine) down() bool { return !m.resting() && m.unhealthy() != "" }

// booted tells whether the machine has booted after an instant. A restart is
// left out: whether it reads secrets again is not documented. So is the start
// of a suspended machine, which goes on with the memory that it had.
func (m *machine) booted(since time.Time) bool {
	for i, e := range m.Events { // newest first
		if !time.UnixMilli(e.Timestamp).After(since) {
			return false
		}
		switch e.Type {
		case "launch", "update":
			return true
		case "start":
			if before := m.beforeStart(i); before != "restart" && before != "suspend" {
				return true
			}
		}
	}
	return false
}

// beforeStart gives the type of the event from which a start came, "" where it
// is not told. A start is more than one event: it begins, and it is done.
func (m *machine) beforeStart(i int) string {
	for ; i < len(m.Events); i++ {
		if m.Events[i].Type != "start" {
			return m.Events[i].Type
		}
	}
	return ""
}
