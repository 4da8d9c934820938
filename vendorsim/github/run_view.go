package github

import (
	"fmt"
	"time"
)

func (w *workflow) view(r *repo) map[string]any {
	state := "active"
	if w.disabled {
		state = "disabled_manually"
	}
	return map[string]any{"id": w.id, "node_id": nodeID("W", w.id), "name": w.Name, "path": ".github/workflows/" + w.File, "state": state,
		"created_at": second(w.createdAt), "updated_at": second(w.createdAt), "url": w.url(r),
		"html_url": r.page() + "/blob/" + r.branches[0] + "/.github/workflows/" + w.File, "badge_url": r.page() + "/workflows/" + w.File + "/badge.svg"}
}

func (w *workflow) url(r *repo) string {
	return fmt.Sprintf("%s/actions/workflows/%d", r.url(), w.id)
}

func (x *run) url() string {
	return fmt.Sprintf("%s/actions/runs/%d", x.repo.url(), x.id)
}

func (x *run) page() string {
	return fmt.Sprintf("%s/actions/runs/%d", x.repo.page(), x.id)
}

// commit is that of every run: nothing here depends on it.
const commit = "0123456789abcdef0123456789abcdef01234567"

func (g *GitHub) runView(x *run) map[string]any {
	return map[string]any{"id": x.id, "name": x.flow.Name, "path": ".github/workflows/" + x.flow.File, "display_title": x.flow.Name,
		"run_number": x.number, "run_attempt": x.attempt, "event": x.event, "status": g.status(x), "conclusion": orNull(x.conclusion),
		"head_branch": x.branch, "head_sha": commit, "head_commit": nil, "workflow_id": x.flow.id, "workflow_url": x.flow.url(x.repo),
		"node_id": nodeID("WFR", x.id), "pull_requests": []any{}, "logs_url": x.url() + "/logs", "artifacts_url": x.url() + "/artifacts",
		"check_suite_url": fmt.Sprintf("%s/check-suites/%d", x.repo.url(), x.id),
		"url":             x.url(), "html_url": x.page(), "jobs_url": x.url() + "/jobs", "rerun_url": x.url() + "/rerun", "cancel_url": x.url() + "/cancel",
		"created_at": second(x.createdAt), "updated_at": second(x.touchedAt()), "run_started_at": second(x.queuedAt),
		"repository": x.repo.minimal(), "head_repository": x.repo.minimal()}
}

// touchedAt is the last instant at which the run changed.
func (x *run) touchedAt() time.Time {
	last := x.queuedAt
	for _, t := range []time.Time{x.approvedAt, x.startedAt, x.endedAt} {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// jobView is the run's only job.
func (g *GitHub) jobView(x *run) map[string]any {
	started, id := x.startedAt, x.id+1_000_000
	if started.IsZero() {
		started = x.queuedAt // the description has no job without a start
	}
	return map[string]any{"id": id, "node_id": nodeID("J", id), "head_sha": commit, "labels": []any{"ubuntu-latest"},
		"url": fmt.Sprintf("%s/actions/jobs/%d", x.repo.url(), id), "html_url": fmt.Sprintf("%s/job/%d", x.page(), id),
		"check_run_url": fmt.Sprintf("%s/check-runs/%d", x.repo.url(), id),
		"runner_id":     nil, "runner_name": nil, "runner_group_id": nil, "runner_group_name": nil, "run_id": x.id, "run_url": x.url(), "run_attempt": x.attempt, "workflow_name": x.flow.Name,
		"name": "job", "status": g.status(x), "conclusion": orNull(x.conclusion), "head_branch": x.branch,
		"created_at": second(x.queuedAt), "started_at": second(started), "completed_at": orNever(x.endedAt), "steps": []any{}}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func orNever(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return second(t)
}
