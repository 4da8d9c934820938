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
	return map[string]any{"id": w.id, "name": w.Name, "path": ".github/workflows/" + w.File, "state": state,
		"url": fmt.Sprintf("https://%s/repos/%s/actions/workflows/%d", Host, r.full(), w.id)}
}

func (x *run) url() string {
	return fmt.Sprintf("https://%s/repos/%s/actions/runs/%d", Host, x.repo.full(), x.id)
}

func (x *run) page() string {
	return fmt.Sprintf("https://github.com/%s/actions/runs/%d", x.repo.full(), x.id)
}

func (g *GitHub) runView(x *run) map[string]any {
	return map[string]any{"id": x.id, "name": x.flow.Name, "path": ".github/workflows/" + x.flow.File, "display_title": x.flow.Name,
		"run_number": x.number, "run_attempt": x.attempt, "event": x.event, "status": g.status(x), "conclusion": orNull(x.conclusion),
		"head_branch": x.branch, "head_sha": "0123456789abcdef0123456789abcdef01234567", "workflow_id": x.flow.id,
		"url": x.url(), "html_url": x.page(), "jobs_url": x.url() + "/jobs", "rerun_url": x.url() + "/rerun", "cancel_url": x.url() + "/cancel",
		"created_at": second(x.createdAt), "updated_at": second(x.touchedAt()), "run_started_at": second(x.queuedAt),
		"repository": map[string]any{"id": x.repo.id, "name": x.repo.name, "full_name": x.repo.full()}}
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
	return map[string]any{"id": x.id + 1_000_000, "run_id": x.id, "run_url": x.url(), "run_attempt": x.attempt, "workflow_name": x.flow.Name,
		"name": "job", "status": g.status(x), "conclusion": orNull(x.conclusion), "head_branch": x.branch,
		"created_at": second(x.queuedAt), "started_at": orNever(x.startedAt), "completed_at": orNever(x.endedAt), "steps": []any{}}
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
