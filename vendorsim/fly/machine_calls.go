package fly

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

func listMachines(f *Fly, c *route.Call, a *app) {
	f.look(a.machines...)
	list := []any{}
	for _, m := range a.machines {
		list = append(list, f.view(m))
	}
	c.JSON(http.StatusOK, list)
}

func showMachine(f *Fly, c *route.Call, m *machine) {
	f.look(m)
	c.JSON(http.StatusOK, f.view(m))
}

func listEvents(f *Fly, c *route.Call, m *machine) {
	n, err := strconv.Atoi(c.Query("limit"))
	if err != nil || n <= 0 {
		n = 20
	}
	c.JSON(http.StatusOK, m.eventsBefore(f.now(), min(n, 50)))
}

// updateMachine replaces a machine by one with the given config. Secrets are
// those of min_secrets_version or later; without it, what the replica has. With
// skip_launch the new one is stopped, whatever the old one was. The statuses of
// refusals are guesses: the description has 400 alone.
func updateMachine(f *Fly, c *route.Call, m *machine) {
	var in struct {
		Config         map[string]any `json:"config"`
		MinSecrets     int            `json:"min_secrets_version"`
		CurrentVersion string         `json:"current_version"`
		SkipLaunch     bool           `json:"skip_launch"`
	}
	if c.Read(&in) != nil || in.Config == nil {
		fail(c, http.StatusBadRequest, "invalid config: it is required")
		return
	}
	if !f.mayChange(c, m) {
		return
	}
	switch {
	case m.host != "ok":
		fail(c, http.StatusServiceUnavailable, "the machine's host is not reachable")
		return
	case in.CurrentVersion != "" && in.CurrentVersion != m.instance:
		fail(c, http.StatusConflict, "the machine has another version")
		return
	case in.MinSecrets > m.app.newest().version:
		fail(c, http.StatusBadRequest, "secrets of that version are not known")
		return
	}
	m.config, m.instance = in.Config, f.id(26)
	e := m.app.visible(f.now(), f.cfg.ReplicaLag, in.MinSecrets)
	if in.SkipLaunch {
		m.booted, m.movedAt, m.stopped, m.suspended = e, f.now(), true, false
		f.event(m, "update", stateStopped, "user", m.movedAt)
	} else {
		f.boot(m, e, f.cfg.Replacing, "update")
	}
	f.run(m)
	c.JSON(http.StatusOK, f.view(m))
}

// The description has no body for the answers to restart, stop, suspend and the
// release of a lease. Fly's documentation shows {"ok": true}.

// restartMachine stops and starts. Whether Fly reads secrets anew then is not
// documented: see Config.RestartKeepsSecrets.
func restartMachine(f *Fly, c *route.Call, m *machine) {
	if !f.mayChange(c, m) {
		return
	}
	e := m.booted
	if !f.cfg.RestartKeepsSecrets {
		e = m.app.visible(f.now(), f.cfg.ReplicaLag, 0)
	}
	f.boot(m, e, 0, "restart")
	f.run(m)
	c.JSON(http.StatusOK, map[string]any{"ok": true})
}

func stopMachine(f *Fly, c *route.Call, m *machine) {
	if !f.mayChange(c, m) {
		return
	}
	if !m.stopped {
		m.stopped, m.suspended, m.movedAt = true, false, f.now()
		f.event(m, "stop", stateStopped, "user", m.movedAt)
		f.run(m)
	}
	c.JSON(http.StatusOK, map[string]any{"ok": true})
}

// suspendMachine stops a machine and keeps its memory. A program is not
// stopped: it gets no requests until the machine goes on.
func suspendMachine(f *Fly, c *route.Call, m *machine) {
	if !f.mayChange(c, m) {
		return
	}
	if m.state(f.now(), f.cfg) != stateStarted {
		fail(c, http.StatusBadRequest, "unable to suspend the machine: it is not started")
		return
	}
	m.suspended, m.movedAt = true, f.now()
	f.changed()
	f.event(m, "suspend", stateSuspended, "user", m.movedAt)
	c.JSON(http.StatusOK, map[string]any{"ok": true})
}

// startMachine boots a stopped machine with the secrets that the replica has,
// and lets a suspended one go on with what it had: it does not boot.
func startMachine(f *Fly, c *route.Call, m *machine) {
	if !f.mayChange(c, m) {
		return
	}
	before := m.state(f.now(), f.cfg)
	switch {
	case m.suspended:
		f.boot(m, m.booted, 0, "start")
		f.changed()
	case m.stopped:
		f.boot(m, m.app.visible(f.now(), f.cfg.ReplicaLag, 0), 0, "start")
		f.run(m)
	}
	c.JSON(http.StatusOK, map[string]any{"previous_state": before})
}

// pollEvery is how often a blocking wait looks.
const pollEvery = 100 * time.Millisecond

// waitMachine answers 200 when the machine is in one of the states, 408 when
// it is not by the timeout (at most 60 s), 400 when another version runs. The
// description has no 408; the documentation has. fly-go repeats "state".
func waitMachine(f *Fly, c *route.Call, m *machine) {
	left, err := waitFor(c)
	if err != nil {
		fail(c, http.StatusBadRequest, "timeout must be between 1 and 60 seconds")
		return
	}
	version := c.Query("version")
	if version == "" {
		version = c.Query("instance_id")
	}
	for {
		state := m.state(f.now(), f.cfg)
		switch {
		case version != "" && version != m.instance:
			fail(c, http.StatusBadRequest, "the machine has another version")
			return
		case wanted(c, state):
			c.JSON(http.StatusOK, map[string]any{"ok": true, "state": state, "version": m.instance})
			return
		case left <= 0 || !f.sleep(c, min(left, pollEvery)):
			fail(c, http.StatusRequestTimeout, "deadline_exceeded: machine failed to reach desired state, currently "+state)
			return
		}
		left -= pollEvery
	}
}

func waitFor(c *route.Call) (time.Duration, error) {
	q := c.Query("timeout")
	if q == "" {
		return time.Minute, nil
	}
	n, err := strconv.Atoi(q)
	if err == nil && (n < 1 || n > 60) {
		err = strconv.ErrRange
	}
	return time.Duration(n) * time.Second, err
}

func wanted(c *route.Call, state string) bool {
	q := c.R.URL.Query()["state"]
	if len(q) == 0 {
		return state == stateStarted
	}
	for _, list := range q {
		states := strings.Split(list, ",")
		if slices.Contains(states, state) || slices.Contains(states, "settled") && slices.Contains([]string{stateStarted, stateStopped, stateSuspended}, state) {
			return true
		}
	}
	return false
}

// sleep waits without holding the lock. It reports false when there is no
// waiting, or the caller has gone.
func (f *Fly) sleep(c *route.Call, d time.Duration) bool {
	if f.cfg.Sleep == nil {
		return false
	}
	f.mu.Unlock()
	defer f.mu.Lock()
	return f.cfg.Sleep(c.R.Context(), d) == nil
}
