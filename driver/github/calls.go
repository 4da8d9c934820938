package github

import "github.com/pawlhq/pawl/driver"

// What the calls need, in GitHub's words: the permission of fine-grained
// tokens and apps first, the scope of classic tokens after it.
const (
	repoSecretsRead  = `repository "Secrets": read (classic: repo)`
	repoSecretsWrite = `repository "Secrets": write (classic: repo)`
	orgSecretsRead   = `organization "Secrets": read (classic: admin:org)`
	orgSecretsWrite  = `organization "Secrets": write (classic: admin:org)`
	environRead      = `repository "Environments": read (classic: repo)`
	environWrite     = `repository "Environments": write (classic: repo)`
	depRead          = `repository "Dependabot secrets": read (classic: repo)`
	depWrite         = `repository "Dependabot secrets": write (classic: repo)`
	orgDepRead       = `organization "Dependabot secrets": read (classic: admin:org)`
	orgDepWrite      = `organization "Dependabot secrets": write (classic: admin:org)`
	actionsRead      = `repository "Actions": read (classic: repo)`
	actionsWrite     = `repository "Actions": write (classic: repo)`
	metadataRead     = `repository "Metadata": read (classic: repo)`
	needsNothing     = "none"
)

// calls lists every operation that the driver uses. Scopes of classic tokens
// are from GitHub's REST description; permissions of fine-grained tokens from
// docs.github.com, "Permissions required for fine-grained personal access
// tokens".
func calls() []driver.Call {
	list := secretCalls("/repos/{owner}/{repo}/actions", kindRepo, repoSecretsRead, repoSecretsWrite)
	list = append(list, secretCalls("/orgs/{org}/actions", kindOrg, orgSecretsRead, orgSecretsWrite)...)
	list = append(list, driver.Call{Method: "GET", Path: "/orgs/{org}/actions/secrets/{secret_name}/repositories", Permission: orgSecretsRead,
		For: kindOrg + " put, where the visibility is selected; " + kindDrain + " of an organisation"})
	list = append(list, secretCalls("/repos/{owner}/{repo}/environments/{environment_name}", kindEnvironment, environRead, environWrite)...)
	list = append(list, secretCalls("/repos/{owner}/{repo}/dependabot", kindDependabot, depRead, depWrite)...)
	list = append(list, secretCalls("/orgs/{org}/dependabot", kindDependabotOrg, orgDepRead, orgDepWrite)...)
	list = append(list, driver.Call{Method: "GET", Path: "/orgs/{org}/dependabot/secrets/{secret_name}/repositories", Permission: orgDepRead,
		For: kindDependabotOrg + " put, where the visibility is selected; " + kindDrain + " of an organisation with app dependabot"})
	return append(list, otherCalls()...)
}

// secretCalls are the four calls that each kind of secret needs.
func secretCalls(under, kind, read, write string) []driver.Call {
	return []driver.Call{
		{Method: "GET", Path: under + "/secrets/public-key", Permission: read, For: kind + " put, stat of what is missing, probe"},
		{Method: "GET", Path: under + "/secrets/{secret_name}", Permission: read, For: kind + " stat"},
		{Method: "PUT", Path: under + "/secrets/{secret_name}", Permission: write, For: kind + " put"},
		{Method: "DELETE", Path: under + "/secrets/{secret_name}", Permission: write, For: kind + " remove"},
	}
}

func otherCalls() []driver.Call {
	return []driver.Call{
		{Method: "GET", Path: "/repos/{owner}/{repo}/actions/workflows/{workflow_id}", Permission: actionsRead, For: kindRun + " probe"},
		{Method: "POST", Path: "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches", Permission: actionsWrite, For: kindRun + " check"},
		{Method: "GET", Path: "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs", Permission: actionsRead, For: kindRun + " check, to find a run whose start was not answered"},
		{Method: "GET", Path: "/repos/{owner}/{repo}/actions/runs/{run_id}", Permission: actionsRead, For: kindRun + " check"},
		{Method: "GET", Path: "/repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments", Permission: actionsRead, For: kindRun + " check, to name the environment that waits for approval"},
		{Method: "GET", Path: "/repos/{owner}/{repo}/actions/runs", Permission: actionsRead, For: kindDrain + " check, probe"},
		{Method: "GET", Path: "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs", Permission: actionsRead, For: kindDrain + " check of a secret of an environment"},
		{Method: "GET", Path: "/orgs/{org}/repos", Permission: metadataRead, For: kindDrain + " check of a secret that all repositories see"},
		{Method: "GET", Path: "/repos/{owner}/{repo}", Permission: metadataRead, For: "probe"},
		{Method: "GET", Path: "/user", Permission: needsNothing, For: "probe; " + kindPAT + " verify and identify, with the token itself"},
		{Method: "POST", Path: "/credentials/revoke", Permission: needsNothing + ": sent without a credential", For: kindPAT + " revoke"},
	}
}

const notes = `### The connection's credential

A GitHub App installation token is the best choice: it lives for an hour and belongs to no person. A fine-grained
personal access token is next; a classic one works and reaches more than it should. The tables above give the exact
permission of each call. A token that lacks one is often answered with 404, as if the repository were not there.

### What a write proves

GitHub never gives a secret back, nor a digest of it. A write is confirmed by the time of the last change, which counts
whole seconds. Only a check that uses the secret, for example ` + "`workflow_run`" + `, shows that the value is right.

### Which runs use the old value

Secrets of repositories and organisations are read when a run is *queued*; secrets of environments when the job starts.
A run that was queued before the write keeps the old value, for days if it waits for an approval. The plan therefore asks
` + "`queued_runs`" + ` before the old version ends. For a secret of an organisation it asks every repository that sees the
secret, ten at a time and six calls each, so the connection needs "Actions: read" on all of them. For a secret of an environment
it asks what the jobs of such runs do: a run that only waits for its approval reads the new value and is not waited for.

### Starting a workflow

A start whose answer was lost is looked for before another one is sent: the newest run of the same workflow and ref,
started by workflow_dispatch since the check began by GitHub's own clock, is taken as its own. A run that somebody else started in that time
counts too, since it was queued after the write. GitHub lists a new run after a short delay, so in rare cases a
second run is started; the workflow should bear that. A run that waits for an approval is shown as pending, with the
environments it waits for.

### Organisation secrets

GitHub wants the visibility and the repositories with every write. They are read just before and sent back as they were.
A change that somebody makes between those two calls is lost.

### Personal access tokens

GitHub has no call that makes one and no number that names one. The record's id is the owner's login and the token's
SHA-256 in base64, which is what GitHub's audit log calls hashed_token: searching the log for it shows what the token
did. A token holds about 178 random bits, so nothing can be guessed from its digest. Revocation is by value, at most 60
requests an hour from one address, cannot be taken back, and GitHub writes to the token's owner. Tokens from before 2021
have no prefix; GitHub takes none of them back by a call, so a person must end them at <https://github.com/settings/tokens>.`
