package github

import "github.com/pawlhq/pawl/vendorsim/internal/route"

// table is all calls. It is built once and never changed.
var table = buildTable()

func buildTable() route.Table[*GitHub] {
	const repo = "/repos/{owner}/{repo}"
	const runs = repo + "/actions/runs"
	const flow = repo + "/actions/workflows/{workflow}"
	read, write := need{"actions", "read", "repo"}, need{"actions", "write", "repo"}
	t := route.Table[*GitHub]{
		{Method: "GET", Path: "/user", Do: (*GitHub).showUser},
		{Method: "GET", Path: "/rate_limit", Do: (*GitHub).showLimits},
		{Method: "POST", Path: "/credentials/revoke", Do: (*GitHub).revokeCredentials},
		{Method: "GET", Path: "/orgs/{org}/repos", Do: (*GitHub).listRepos},
		{Method: "GET", Path: repo, Do: (*GitHub).showRepo},
		{Method: "GET", Path: repo + "/environments", Do: withRepo(read, listEnvironments)},
		{Method: "POST", Path: repo + "/dispatches", Do: withRepo(need{"contents", "write", "repo"}, dispatchRepo)},
		{Method: "GET", Path: repo + "/actions/workflows", Do: withRepo(read, listWorkflows)},
		{Method: "GET", Path: flow, Do: withRepo(read, withWorkflow(showWorkflow))},
		{Method: "GET", Path: flow + "/runs", Do: withRepo(read, withWorkflow(listWorkflowRuns))},
		{Method: "POST", Path: flow + "/dispatches", Do: withRepo(write, withWorkflow(dispatch))},
		{Method: "GET", Path: runs, Do: withRepo(read, listRuns)},
		{Method: "GET", Path: runs + "/{run}", Do: withRepo(read, withRun(showRun))},
		{Method: "GET", Path: runs + "/{run}/jobs", Do: withRepo(read, withRun(listJobs))},
		{Method: "POST", Path: runs + "/{run}/rerun", Do: withRepo(write, withRun(rerun))},
		{Method: "POST", Path: runs + "/{run}/cancel", Do: withRepo(write, withRun(cancel))},
		{Method: "GET", Path: runs + "/{run}/pending_deployments", Do: withRepo(read, withRun(listPending))},
		{Method: "POST", Path: runs + "/{run}/pending_deployments", Do: withRepo(need{"deployments", "write", "repo"}, withRun(review))},
	}
	for _, p := range places() {
		t = append(t, p.routes()...)
	}
	return t
}

func (p place) routes() route.Table[*GitHub] {
	one := p.under + "/{name}"
	t := route.Table[*GitHub]{
		{Method: "GET", Path: p.under, Do: p.with("read", listSecrets)},
		{Method: "GET", Path: p.under + "/public-key", Do: p.with("read", showKey)},
		{Method: "GET", Path: one, Do: p.with("read", showSecret)},
		{Method: "PUT", Path: one, Do: p.with("write", putSecret)},
		{Method: "DELETE", Path: one, Do: p.with("write", deleteSecret)},
	}
	if p.org {
		t = append(t, route.Route[*GitHub]{Method: "GET", Path: one + "/repositories", Do: p.with("read", listSelected)})
	}
	return t
}
