package github

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl/driver"
)

const opDrain = "look for runs that use the old value"

// drainAfter is how long to wait while runs are left.
const drainAfter = time.Minute

// clockSkew is how far GitHub's clock may be ahead of ours. A run created
// that long after the write is waited for as well, which costs little.
const clockSkew = time.Minute

// reposAtOnce bounds how many repositories of an organisation one look asks,
// so that it ends well before the port's deadline: each takes six calls.
const reposAtOnce = 10

// unfinished are the states of a run that is not completed, in the order in
// which a run goes through them: a run that moves on between two questions is
// seen by the second. Waiting is asked twice, because a running one may go
// back to it.
var unfinished = [...]string{"requested", "pending", "queued", "waiting", "in_progress", "waiting"}

// jobsAsked bounds for how many runs one look asks what their jobs do. Further
// ones count as left.
const jobsAsked = 20

// checkDrain passes when nothing is left that read the secret before Since:
// runs that were created before then or, for a secret of an environment, jobs
// that were started before then.
func (c *conn) checkDrain(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	o, err := ownerOf(opDrain, r.Target)
	if err != nil {
		return driver.Finding{}, err
	}
	// A run that was queued just before the write may not be listed yet.
	if wait := r.Since.Add(c.listDelay).Sub(c.env.Now()); wait > 0 {
		return driver.Finding{State: driver.Pending, After: wait, Resume: r.Resume,
			Detail: fmt.Sprintf("GitHub's list of runs is believed %s after the write", c.listDelay)}, nil
	}
	before := r.Since.Add(clockSkew).UTC()
	if r.Target.Settings.String("repo") == "" {
		return c.drainOrg(ctx, o, r, before)
	}
	left, err := c.leftIn(ctx, o, before, r.Target.Settings.String("environment") != "")
	if err != nil {
		return driver.Finding{}, err
	}
	if left.none() {
		return driver.Finding{State: driver.Passed, Detail: "no run from before the write is left in " + o.name}, nil
	}
	return driver.Finding{State: driver.Pending, After: drainAfter, Detail: left.String() + " in " + o.name}, nil
}

// drainOrg asks every repository that sees a secret of an organisation, a few
// at a time in the order of their ids. Resume is the last id that was clear:
// runs from before the write only become fewer.
func (c *conn) drainOrg(ctx context.Context, o owner, r driver.CheckRequest, before time.Time) (driver.Finding, error) {
	repos, err := c.audienceOf(ctx, o, r.Target)
	if err != nil {
		return driver.Finding{}, err
	}
	clean, _ := strconv.ParseInt(r.Resume, 10, 64) // empty at first
	asked := 0
	for _, repo := range repos {
		if repo.ID <= clean || repo.Archived {
			continue
		}
		if asked == reposAtOnce {
			return driver.Finding{State: driver.Pending, After: time.Second, Resume: strconv.FormatInt(clean, 10),
				Detail: fmt.Sprintf("asked some of the %d repositories of %s", len(repos), o.name)}, nil
		}
		asked++
		at, err := repository(opDrain, repo.FullName)
		if err != nil {
			return driver.Finding{}, err
		}
		left, err := c.leftIn(ctx, at, before, false)
		if err != nil {
			return driver.Finding{}, err
		}
		if !left.none() {
			return driver.Finding{State: driver.Pending, After: drainAfter, Resume: strconv.FormatInt(clean, 10), Detail: left.String() + " in " + at.name}, nil
		}
		clean = repo.ID
	}
	return driver.Finding{State: driver.Passed, Detail: fmt.Sprintf("no run from before the write is left in the %d repositories that see it", len(repos))}, nil
}

// audienceOf lists the repositories whose runs may hold a secret of an
// organisation, by id. A secret that is gone may have been seen by all.
func (c *conn) audienceOf(ctx context.Context, o owner, t driver.Target) ([]repo, error) {
	kind := kindOrg
	if t.Settings.String("app") == appDependabot {
		kind = kindDependabotOrg
	}
	p, err := placeOf(opDrain, driver.Target{Kind: kind, Settings: t.Settings})
	if err != nil {
		return nil, err
	}
	m, err := c.stat(ctx, opDrain, p)
	if err != nil {
		return nil, err
	}
	var repos []repo
	if m != nil && m.Visibility == selected {
		repos, err = c.selectedRepos(ctx, opDrain, p)
	} else {
		repos, err = pages(ctx, c, o.join("/repos").get(opDrain, p.on, nil), reposPerPage, func(page []repo) []repo { return page })
	}
	slices.SortFunc(repos, func(a, b repo) int { return cmp.Compare(a.ID, b.ID) })
	return repos, err
}

// leftover counts the runs that are not completed, by state.
type leftover struct {
	count  int
	states []string
	oldest time.Time
}

func (l leftover) none() bool { return l.count == 0 }

func (l leftover) String() string {
	return fmt.Sprintf("%d run(s) from before the write left (%s), the oldest from %s", l.count, strings.Join(l.states, ", "), l.oldest.UTC().Format(time.RFC3339))
}

// leftIn counts the runs of a repository that were created up to before and
// are not completed. byJob leaves out those of which no job runs that was
// started up to before: such a run, waiting for an approval for example, reads
// the secrets of its environment anew.
func (c *conn) leftIn(ctx context.Context, o owner, before time.Time, byJob bool) (leftover, error) {
	var left leftover
	seen := make(map[int64]bool)
	for _, state := range unfinished {
		runs, err := c.runsIn(ctx, o, state, before)
		if err != nil {
			return leftover{}, err
		}
		n := 0
		for _, r := range runs {
			if seen[r.ID] || r.CreatedAt.After(before) {
				continue
			}
			seen[r.ID] = true
			if byJob && len(seen) <= jobsAsked {
				old, err := c.startedEarly(ctx, o, r.ID, before)
				if err != nil {
					return leftover{}, err
				}
				if !old {
					continue // what starts from now on has the new value
				}
			}
			n++
			if left.oldest.IsZero() || r.CreatedAt.Before(left.oldest) {
				left.oldest = r.CreatedAt
			}
		}
		if n > 0 {
			left.count += n
			left.states = append(left.states, fmt.Sprintf("%d %s", n, strings.ReplaceAll(state, "_", " ")))
		}
	}
	return left, nil
}

// startedEarly reports whether a run has a job under way that was started up to
// before. Which environment a job uses is not told, so each counts.
func (c *conn) startedEarly(ctx context.Context, o owner, id int64, before time.Time) (bool, error) {
	type job struct {
		Status    string    `json:"status"`
		StartedAt time.Time `json:"started_at"`
	}
	q := o.join("/actions/runs/{run_id}/jobs", "run_id", strconv.FormatInt(id, 10)).get(opDrain, o.name, nil)
	jobs, err := pages(ctx, c, q, runsPerPage, func(page struct {
		Jobs []job `json:"jobs"`
	}) []job {
		return page.Jobs
	})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(jobs, func(j job) bool { return j.Status == "in_progress" && !j.StartedAt.After(before) }), nil
}

func (c *conn) runsIn(ctx context.Context, o owner, state string, before time.Time) ([]run, error) {
	q := o.join("/actions/runs").get(opDrain, o.name, url.Values{
		"status": {state}, "created": {"<=" + before.Format(time.RFC3339)}, "exclude_pull_requests": {"true"}})
	return pages(ctx, c, q, runsPerPage, func(page runPage) []run { return page.Runs })
}
