package github

import (
	"maps"
	"slices"
	"time"
)

// The statuses of runs that the stand-in knows.
const (
	queued     = "queued"
	inProgress = "in_progress"
	waiting    = "waiting" // for a person to let the job use its environment
	completed  = "completed"
)

// workflow is a file under .github/workflows.
type workflow struct {
	Workflow
	id        int64
	disabled  bool
	createdAt time.Time
}

// run is one run of a workflow. Its fields are those of the newest attempt.
type run struct {
	id, number    int64
	repo          *repo
	flow          *workflow
	event, branch string
	inputs        map[string]string
	attempt       int
	createdAt     time.Time
	queuedAt      time.Time // of this attempt
	approvedAt    time.Time
	startedAt     time.Time
	endedAt       time.Time
	conclusion    string
	env           map[string]string
}

// start queues a run and reads the secrets of organisation and repository, as
// GitHub does at that instant.
func (g *GitHub) start(r *repo, w *workflow, event, branch string, inputs map[string]string) *run {
	r.runSeq++
	x := &run{id: g.nextID(), number: int64(r.runSeq), repo: r, flow: w, event: event, branch: branch, inputs: inputs, createdAt: g.now()}
	g.runs = append(g.runs, x)
	g.queue(x, false)
	return x
}

// queue begins an attempt.
func (g *GitHub) queue(x *run, keepEnv bool) {
	x.attempt++
	x.queuedAt, x.approvedAt, x.startedAt, x.endedAt, x.conclusion = g.now(), time.Time{}, time.Time{}, time.Time{}, ""
	if !keepEnv {
		x.env = g.repoEnv(x.repo)
	}
	g.active = append(g.active, x)
	g.settle()
}

// repoEnv is what a run of the repository gets, where the repository's own
// secrets come before its organisation's.
func (g *GitHub) repoEnv(r *repo) map[string]string {
	env := map[string]string{}
	if o := g.org(r.owner); o != nil {
		seen := 0
		for _, name := range slices.Sorted(maps.Keys(o.actions.secrets)) {
			if k := o.actions.secrets[name]; k.seenBy(r) && seen < fromOrgSeen {
				env[name] = k.value
				seen++
			}
		}
	}
	for name, k := range r.vaults.actions.secrets {
		env[name] = k.value
	}
	return env
}

func (k *kept) seenBy(r *repo) bool {
	switch k.visibility {
	case "private":
		return !r.public
	case "selected":
		return slices.Contains(k.selected, r.id)
	default:
		return true
	}
}

// settle moves runs to where they are now. Every call and every look at the
// truth begins with it, and nothing else changes secrets, so a job reads what
// its environment held at the instant of its start.
func (g *GitHub) settle() {
	if len(g.active) == 0 {
		return
	}
	now := g.now()
	g.active = slices.DeleteFunc(g.active, func(x *run) bool {
		g.move(x, now)
		return !x.endedAt.IsZero()
	})
}

func (g *GitHub) move(x *run, now time.Time) {
	if x.startedAt.IsZero() {
		at, known := g.startOf(x)
		if !known || now.Before(at) {
			return
		}
		x.startedAt = at
		if e := x.repo.environment(x.flow.Environment); e != nil {
			x.env = maps.Clone(x.env)
			for name, k := range e.vault.secrets {
				x.env[name] = k.value
			}
		}
	}
	if end := x.startedAt.Add(g.cfg.Run); x.endedAt.IsZero() && !now.Before(end) {
		x.endedAt = end
		x.conclusion = g.cfg.Job(JobRun{Repo: x.repo.full(), Workflow: x.flow.File, Branch: x.branch, Event: x.event,
			Env: maps.Clone(x.env), Inputs: maps.Clone(x.inputs), At: end})
	}
}

// startOf tells when the job starts; it is not known while a person must
// approve first.
func (g *GitHub) startOf(x *run) (time.Time, bool) {
	at := x.queuedAt.Add(g.cfg.Queue)
	if !x.held() {
		return at, true
	}
	if x.approvedAt.IsZero() {
		return at, false
	}
	if x.approvedAt.After(at) {
		at = x.approvedAt
	}
	return at, true
}

func (x *run) held() bool {
	e := x.repo.environment(x.flow.Environment)
	return e != nil && e.approval
}

// status is where the run is, once it was settled.
func (g *GitHub) status(x *run) string {
	switch {
	case !x.endedAt.IsZero():
		return completed
	case !x.startedAt.IsZero():
		return inProgress
	case x.held() && x.approvedAt.IsZero() && !g.now().Before(x.queuedAt.Add(g.cfg.Queue)):
		return waiting
	default:
		return queued
	}
}

// end stops a run before its job did.
func (g *GitHub) end(x *run, conclusion string) {
	x.endedAt, x.conclusion = g.now(), conclusion
	g.active = slices.DeleteFunc(g.active, func(y *run) bool { return y == x })
}
