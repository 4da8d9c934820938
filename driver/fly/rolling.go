package fly

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

const opActivate = "roll machines"

// How soon to look again: machines take seconds to boot, people hours to
// deploy.
const (
	machinePoll = 5 * time.Second
	deployPoll  = time.Minute
)

// leaseTTL bounds how long a machine is locked if pawl dies inside an update.
const leaseTTL = 60 * time.Second

// roll is how far a rolling activation is. It is what the engine journals. A
// lost one does no harm: the machines themselves say which are done.
type roll struct {
	Version int     `json:"version"`         // of the app's secrets, that machines must have at least; of a consumer the second of the write
	Loads   bool    `json:"loads,omitempty"` // the app reads the value from somewhere else
	Release release `json:"release,omitzero"`

	atOnce bool // no machine waits for another
}

// Activate makes an app's machines load a secret. Each call changes at most
// one machine, so that it is short and what it did is in the journal.
func (c *conn) Activate(ctx context.Context, a driver.Activation) (driver.Progress, error) {
	app := a.Target.Settings.String("app")
	if a.Consumer { // what another place told of the write says nothing here
		a.Receipt = driver.Receipt{}
	} else if p, err := placeOf(opActivate, a.Target); err != nil {
		return driver.Progress{}, err
	} else {
		app = p.app
	}
	switch {
	case a.Kind == rolling, a.Kind == immediate:
		return c.roll(ctx, app, a)
	case a.Kind == nextDeploy:
		return c.awaitDeploy(ctx, app, a)
	default:
		return driver.Progress{}, unsupported(opActivate, a.Kind)
	}
}

func (c *conn) roll(ctx context.Context, app string, a driver.Activation) (driver.Progress, error) {
	at := resumed(a)
	list, err := c.machines(ctx, opActivate, app)
	if err != nil {
		return driver.Progress{}, err
	}
	if at.Version == 0 && len(list) > 0 {
		if at.Version, err = c.sync(ctx, app); err != nil {
			return driver.Progress{}, err
		}
	}
	done, next, wait := survey(list, at)
	say := fmt.Sprintf("%d of %d machines have it", done, len(list))
	switch {
	case wait != "" && (next == nil || !at.atOnce):
		return at.pending(say + ": " + wait), nil
	case next == nil:
		return driver.Progress{Done: true, Detail: say}, c.complete(ctx, app, at.Release)
	case !next.reachable():
		return at.pending(say + ": the host of machine " + next.ID + " cannot be reached"), nil
	case at.Release.ID == "":
		// A call of its own, so that a machine's update never starts without
		// the release's number in the journal.
		if at.Release, err = c.announce(ctx, app, next, at.strategy()); err != nil {
			return driver.Progress{}, err
		}
		if at.Release.ID != refusedRelease {
			return at.soon(say), nil
		}
	}
	if err := c.update(ctx, app, next.ID, at); err != nil {
		return driver.Progress{}, err
	}
	return at.updated(say + ": machine " + next.ID + " boots"), nil
}

// survey counts the machines that are done. wait says why none may be touched
// now: the last one that was is not healthy yet. next is the one to update: one
// that does not serve comes first, since it may still boot from another roll and
// no second one must be down beside it, and one that cannot be reached last.
func survey(list []machine, at roll) (done int, next *machine, wait string) {
	for i := range list {
		m := &list[i]
		switch {
		case m.marked(at) && m.resting() && (m.sleeps() || m.metadata()[restedMarker] == strconv.Itoa(at.Version)):
			done++
		case m.marked(at):
			if bad := m.unhealthy(); bad != "" {
				wait = bad
				continue
			}
			done++
		case next == nil || !next.reachable(), m.down() && m.reachable() && !next.down():
			next = m
		}
	}
	return done, next, wait
}

func resumed(a driver.Activation) roll {
	var at roll
	if json.Unmarshal([]byte(a.Resume), &at) != nil || a.Resume == "" {
		at = roll{}
	}
	at.atOnce = a.Kind == immediate
	if v, err := strconv.Atoi(a.Receipt.Revision); err == nil && v > at.Version {
		at.Version = v
	}
	if a.Consumer {
		at.Loads, at.Version = true, int(a.Since.Unix())
	}
	return at
}

// strategy is the name that Fly's list of releases has for it.
func (r roll) strategy() string {
	if r.atOnce {
		return "IMMEDIATE"
	}
	return "ROLLING"
}

func (r roll) pending(detail string) driver.Progress { return r.progress(machinePoll, detail) }

// updated waits for the machine that boots, or goes straight on to the next.
func (r roll) updated(detail string) driver.Progress {
	if r.atOnce {
		return r.soon(detail)
	}
	return r.pending(detail)
}

// soon goes on when what was done is in the journal.
func (r roll) soon(detail string) driver.Progress { return r.progress(time.Millisecond, detail) }

func (r roll) progress(after time.Duration, detail string) driver.Progress {
	b, err := json.Marshal(r)
	if err != nil {
		b = nil // a struct of texts and numbers always has a JSON form
	}
	return driver.Progress{After: after, Resume: string(b), Detail: detail}
}

// sync learns the version of an app's secrets when the write's own answer was
// lost. Reading does not tell it; taking away a name that is not there does,
// and changes nothing. flyctl does the same.
func (c *conn) sync(ctx context.Context, app string) (int, error) {
	name := make([]byte, 8)
	if _, err := c.env.Rand.Read(name); err != nil {
		return 0, &driver.Error{Op: opActivate, On: app, Kind: driver.Internal, Effect: pawl.EffectNone, Why: "no randomness"}
	}
	r := with("sync secrets", app, http.MethodPost, pathSecrets, path(app), map[string]any{"values": map[string]any{fmt.Sprintf("PAWL_SYNC_%X", name): nil}})
	var got stored
	if _, err := c.api.Do(ctx, r, &got); err != nil {
		return 0, err
	}
	if got.Version <= 0 {
		return 0, &driver.Error{Op: opActivate, On: app, Kind: driver.Malformed, Effect: pawl.EffectUnknown, Why: "the answer has no version of the secrets in it"}
	}
	c.wrote(app, got.Version)
	return got.Version, nil
}

// awaitDeploy looks whether every machine has booted since the write.
func (c *conn) awaitDeploy(ctx context.Context, app string, a driver.Activation) (driver.Progress, error) {
	list, err := c.machines(ctx, opActivate, app)
	if err != nil {
		return driver.Progress{}, err
	}
	since := a.Receipt.UpdatedAt.Add(time.Second) // Fly tells whole seconds
	if a.Receipt.UpdatedAt.IsZero() {
		since = a.Since
	}
	version, _ := strconv.Atoi(a.Receipt.Revision) // 0 where it is not known
	done := 0
	for i := range list {
		if m := &list[i]; m.booted(since) || m.State == stopped || version > 0 && m.marked(roll{Version: version}) {
			done++
		}
	}
	say := fmt.Sprintf("%d of %d machines have booted since the write", done, len(list))
	if done == len(list) {
		return driver.Progress{Done: true, Detail: say}, nil
	}
	return driver.Progress{After: deployPoll, Detail: say + "; waiting for a deployment"}, nil
}
