package main

// deviations lists where the exchanges differ from a published description on
// purpose, each with what shows that the vendor really does it. One that no
// exchange shows any more fails the check.
func deviations() []deviation {
	var all []deviation
	for _, of := range [][]deviation{githubs(), resends(), flys(), upstashs()} {
		all = append(all, of...)
	}
	return all
}

// refusals makes a deviation of each status that a description leaves out of
// its calls.
func refusals(surface string, why map[string]string, source string) []deviation {
	var all []deviation
	for status, because := range why {
		all = append(all, deviation{surface, "*", "answer " + status + ": status is not supported", because, source})
	}
	return all
}

func githubs() []deviation {
	const cut = "the copy of the description that is checked with is cut; the call is documented"
	const byID = "go-github names an environment's repository by its number; the description of today has owner and name, and GitHub takes both"
	const goGitHub = "github.com/google/go-github, github/actions_secrets.go: GetEnvSecret, CreateOrUpdateEnvSecret"
	return append([]deviation{
		{"github", "GET /user", noSuchCall, cut, "https://docs.github.com/en/rest/users/users#get-the-authenticated-user"},
		{"github", "GET /repos/*", noSuchCall, cut, "https://docs.github.com/en/rest/repos/repos#get-a-repository"},
		{"github", "GET /orgs/*/repos", noSuchCall, cut, "https://docs.github.com/en/rest/repos/repos#list-organization-repositories"},
		{"github", "* /repositories/*/environments/*", noSuchCall, byID, goGitHub},
		{"github", "GET /repos/{owner}/{repo}/actions/runs", "request query created *date-time*",
			"created takes a range such as >=2026-01-02T03:04:05Z, which is no date-time", "https://docs.github.com/en/search-github/getting-started-with-searching-on-github/understanding-the-search-syntax#query-for-dates, named in the parameter's own text"},
		{"github", "POST *", "answer 422 /status: not in the description", "every error has the status in its body, refusals of a field too", "https://github.com/r-lib/gh/issues/229"},
	}, refusals("github", map[string]string{
		"401": "any call with a bad token is refused so",
		"403": "any call over a limit, or without the permission, is refused so",
		"404": "what a token may not see is answered as not there",
		"422": "a field that is not as it should be is refused so",
		"429": "a call over a limit can be refused so, instead of with 403",
	}, "https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api")...)
}

func resends() []deviation {
	return refusals("resend", map[string]string{
		"400": "invalid_idempotency_key and validation_error",
		"401": "missing_api_key and restricted_api_key",
		"403": "invalid_api_key, and validation_error for a sender that is not verified",
		"404": "not_found",
		"409": "invalid_idempotent_request",
		"422": "missing_required_field, invalid_parameter and validation_error",
		"429": "rate_limit_exceeded",
	}, "https://resend.com/docs/api-reference/errors")
}

func flys() []deviation {
	const lease = "/v1/apps/{app_name}/machines/{machine_id}/lease"
	const flyGo = "github.com/superfly/fly-go"
	const planted = "driver/fly/rolling_test.go plants it in a machine's configuration, to see that what the description does not know is written back as it was"
	return append([]deviation{
		{"fly machines", "* " + lease, "answer * /data: not in the description", "a lease comes wrapped in data; the description has it flat, and the driver reads both", flyGo + ", machine_types.go: MachineLease"},
		{"fly machines", "* " + lease, "answer * /status: not in the description", "a lease comes wrapped, with a status beside data", flyGo + ", machine_types.go: MachineLease"},
		{"fly machines", "POST " + lease, "request query ttl: not in the description", "fly-go sends the ttl in the query; the description has it in the body, and the driver sends both", flyGo + ", flaps/flaps_machines.go: AcquireLease"},
		{"fly machines", "POST " + lease, "request body: value is required but missing", "fly-go takes a lease without a body", flyGo + ", flaps/flaps_machines.go: AcquireLease"},
		{"fly machines", "GET /v1/apps/{app_name}/secrets*", "request query version: not in the description", "fly-go asks for version; the description has min_version, and the driver sends both", flyGo + ", flaps/flaps_secrets.go"},
		{"fly machines", "POST /v1/apps/{app_name}/secrets", `request body /values/\*: Value is not nullable`, "null takes a secret away", flyGo + ", flaps/flaps_secrets.go: UpdateAppSecrets"},
		{"fly machines", "POST /v1/apps", "request body /app_name: not in the description", "the documentation and fly-go have an app's name in app_name; the description has it in name, and both are served", "https://fly.io/docs/machines/api/apps-resource/"},
		{"fly machines", "* /v1/apps/{app_name}/machines*", "*autostop: value is not one of the allowed values *", "autostop may be true or false, as it was before it had names", flyGo + ", machine_types.go: MachineService, Autostop"},
		{"fly machines", "* /v1/apps/{app_name}/machines*", "*/config/guest/f: not in the description", planted, "driver/fly/rolling_test.go"},
		{"fly machines", "* /v1/apps/{app_name}/machines*", "*/config/init/exec: Value is not nullable", planted, "driver/fly/rolling_test.go"},
	}, refusals("fly machines", map[string]string{
		"400": "what cannot be done as asked is refused so",
		"401": "a dead or unknown token is refused so",
		"403": "somebody else's app is refused so",
		"404": "what is not there is answered so",
		"408": "a wait that ran out is answered so",
		"409": "a machine under somebody else's lease is answered so; AcquireLease of fly-go's flaps/flaps_machines.go retries it",
		"412": "a machine that runs is not destroyed without force",
		"422": "a name that is taken or not allowed is refused so",
		"429": "a call over a limit is refused so",
		"503": "a host that is down is answered so",
	}, "https://fly.io/docs/machines/api/working-with-machines-api/")...)
}

func upstashs() []deviation {
	const provider = "github.com/upstash/terraform-provider-upstash, upstash/redis/database/types.go; the description's own parameter credentials=hide"
	return append([]deviation{
		{"upstash", "* /v2/redis/*", "answer 200 /password: not in the description", "a database is shown with its password unless credentials=hide", provider},
		{"upstash", "* /v2/redis/*", "answer 200 /rest_token: not in the description", "a database is shown with its REST token unless credentials=hide", provider},
		{"upstash", "* /v2/redis/*", "answer 200 /read_only_rest_token: not in the description", "a database is shown with its read-only REST token unless credentials=hide", provider},
	}, refusals("upstash", map[string]string{
		"401": "a bad key is refused so",
		"404": "what is not there is answered so",
		"429": "a call over a limit is refused so",
		"500": "an error of the vendor is answered so",
	}, "https://upstash.com/docs/devops/developer-api/http_status_codes")...)
}
