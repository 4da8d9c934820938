package fly

import "github.com/pawlhq/pawl/driver"

// What the calls need, in Fly's words.
const (
	anyToken = "any token"
	ofApp    = "a deploy token of the app, or a token of its organisation"
	ofOrg    = "a token of the organisation"
	session  = "a person's session (`fly auth token`): scoped tokens cannot mint, list or revoke tokens"
)

// The paths of the Machines API and of the releases calls.
const (
	pathCurrent  = "/v1/tokens/current"
	pathSecrets  = "/v1/apps/{app}/secrets"
	pathSecret   = "/v1/apps/{app}/secrets/{name}"
	pathMachines = "/v1/apps/{app}/machines"
	pathMachine  = "/v1/apps/{app}/machines/{machine}"
	pathLease    = "/v1/apps/{app}/machines/{machine}/lease"
	pathApps     = "/v1/apps"
	pathLogs     = "/api/v1/apps/{app}/logs"
	pathReleases = "/api/v1/releases"
	pathRelease  = "/api/v1/releases/{release}"
)

// calls lists every operation that the driver uses.
func calls() []driver.Call {
	const tokens, roll = kindDeploy + " and " + kindOrg, kindSecret + " activation, and a consumer's, " + rolling
	return []driver.Call{
		{Method: "GET", Path: pathCurrent, Permission: anyToken, For: tokens + " verify and identify, with the token itself; probe"},
		{Method: "QUERY", Path: "App", Permission: ofApp, For: kindDeploy + " mint"},
		{Method: "QUERY", Path: "Organization", Permission: ofOrg, For: kindOrg + " mint"},
		{Method: "QUERY", Path: "AppTokens", Permission: session, For: kindDeploy + " list, identify and probe"},
		{Method: "QUERY", Path: "OrganizationTokens", Permission: session, For: kindOrg + " list, identify and probe"},
		{Method: "MUTATION", Path: "CreateLimitedAccessToken", Permission: session, For: tokens + " mint"},
		{Method: "MUTATION", Path: "DeleteLimitedAccessToken", Permission: session, For: tokens + " revoke"},
		{Method: "GET", Path: pathSecrets, Permission: ofApp, For: kindSecret + " stat and probe"},
		{Method: "POST", Path: pathSecret, Permission: ofApp, For: kindSecret + " put"},
		{Method: "DELETE", Path: pathSecret, Permission: ofApp, For: kindSecret + " remove"},
		{Method: "POST", Path: pathSecrets, Permission: ofApp, For: roll + ", where the version of the secrets is not known: takes away a name that is not there, as flyctl does"},
		{Method: "GET", Path: pathMachines, Permission: ofApp, For: kindSecret + " activation and probe; activations of consumers; " + kindHealth},
		{Method: "POST", Path: pathLease, Permission: ofApp, For: roll},
		{Method: "GET", Path: pathMachine, Permission: ofApp, For: roll},
		{Method: "POST", Path: pathMachine, Permission: ofApp, For: roll},
		{Method: "DELETE", Path: pathLease, Permission: ofApp, For: roll},
		{Method: "GET", Path: pathApps, Permission: ofOrg, For: kindApps + " discovery and probe"},
		{Method: "GET", Path: pathLogs, Permission: ofApp + " (not documented)", For: kindLogs + " check and probe"},
		{Method: "QUERY", Path: "CurrentRelease", Permission: ofApp, For: roll + ", so that the release keeps the app's configuration"},
		{Method: "POST", Path: pathReleases, Permission: ofApp + " (not documented)", For: roll + ", so that `fly secrets list` shows the secret as deployed"},
		{Method: "PATCH", Path: pathRelease, Permission: ofApp + " (not documented)", For: roll},
	}
}

const notes = `### Who can mint

Fly lets only a person's session mint, list and revoke tokens; a stored deploy or organisation token is refused. Sessions are
short-lived: run ` + "`fly auth login`" + ` and give ` + "`fly auth token`" + ` to the connection just before the rotation, for example by
` + "`credential: exec:fly auth token`" + `. A connection that writes secrets and rolls machines can use an organisation token. Nothing
that changes nothing tells whether a token may mint, so ` + "`pawl doctor`" + ` answers "unknown".

### Tokens

A token is a whole header, about 690 characters with a space and commas: ` + "`FlyV1 fm2_…,fm2_…`" + `. Pawl writes it as it is. A copy that
was cut short is answered like a revoked token. Revocation takes a moment to reach every host; pawl waits a minute before it
calls a token that still works an error.

The id of an old token is found from its value and is used only if the list of tokens has it too: Fly does not document that
the two ids are the same. Where they are not, a person is asked which token is the old one.

### Secrets

Fly gives no secret back. A write is confirmed by the digest that Fly shows, which differs when the value does. Writing stages
the secret; machines have it when they boot.

### Rolling

Machines are updated one at a time, with a lease and with their own configuration, to which pawl adds two entries of metadata and,
under ` + "`pawl_secrets_version`" + `, the version of the secrets that they must boot with. A killed rotation therefore knows which machines
are done. Stopped and suspended machines are updated and do not run afterwards either. A machine whose host cannot be reached is left
alone, and the step waits for it. Machines of release commands and consoles are left out.

### Releases

Fly's own display of secrets compares the time of a write with that of the app's newest release, and flyctl takes an app's
configuration from there. Pawl therefore makes a release with the configuration of the one before, and makes none where there
is no configuration to go on with, or where Fly refuses it; ` + "`fly secrets list`" + ` then goes on to show "Staged", although the
machines have the value. The releases calls are flyctl's and not documented.

### Logs

The call is flyctl's and not documented. It begins with the newest lines that Fly still holds, how many is not published, and goes
on from there at each look. The check starts reading as soon as the step does, so that nothing of it is lost; what ` + "`back`" + ` asks for
may be gone already, and then the check's detail says from when on lines were given. Lines arrive a moment after they were written.

### Discovery

An app is found by the beginning of its name, whatever it is doing: one that is suspended holds secrets too. Fly's answer
is refused when it counts more apps than it lists, because the description has no way to ask for the rest.

### Next deploy

A machine counts as loaded when it was launched, updated or started after the write. Whether a plain restart reads secrets
again is not documented, so it does not count, and neither does the start of a suspended machine, which boots nothing.`
