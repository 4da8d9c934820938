package fly

import "github.com/pawlhq/pawl/vendorsim/internal/route"

const graphqlPath = "/graphql"

// table is all calls. It is built once and never changed.
var table = buildTable()

func routes() route.Table[*Fly] { return table }

func buildTable() route.Table[*Fly] {
	const app = "/v1/apps/{app}"
	const machine = app + "/machines/{machine}"
	return route.Table[*Fly]{
		{Method: "POST", Path: graphqlPath, Do: (*Fly).graphql},
		{Method: "GET", Path: "/v1/tokens/current", Do: (*Fly).currentTokens},
		{Method: "GET", Path: "/v1/apps", Do: (*Fly).listApps},
		{Method: "POST", Path: "/v1/apps", Do: (*Fly).createApp},
		{Method: "GET", Path: app, Do: withApp(showApp)},
		{Method: "DELETE", Path: app, Do: withApp(deleteApp)},
		{Method: "POST", Path: app + "/deploy_token", Do: withApp(deployToken)},
		{Method: "GET", Path: app + "/secrets", Do: withApp(listSecrets)},
		{Method: "POST", Path: app + "/secrets", Do: withApp(setSecrets)},
		{Method: "GET", Path: app + "/secrets/{secret}", Do: withApp(showSecret)},
		{Method: "POST", Path: app + "/secrets/{secret}", Do: withApp(setSecret)},
		{Method: "DELETE", Path: app + "/secrets/{secret}", Do: withApp(deleteSecret)},
		{Method: "GET", Path: app + "/machines", Do: withApp(listMachines)},
		{Method: "POST", Path: app + "/machines", Do: withApp(createMachine)},
		{Method: "GET", Path: machine, Do: withMachine(showMachine)},
		{Method: "POST", Path: machine, Do: withMachine(updateMachine)},
		{Method: "DELETE", Path: machine, Do: withMachine(deleteMachine)},
		{Method: "GET", Path: machine + "/wait", Do: withMachine(waitMachine)},
		{Method: "GET", Path: machine + "/events", Do: withMachine(listEvents)},
		{Method: "POST", Path: machine + "/restart", Do: withMachine(restartMachine)},
		{Method: "POST", Path: machine + "/stop", Do: withMachine(stopMachine)},
		{Method: "POST", Path: machine + "/suspend", Do: withMachine(suspendMachine)},
		{Method: "POST", Path: machine + "/start", Do: withMachine(startMachine)},
		{Method: "GET", Path: machine + "/lease", Do: withMachine(showLease)},
		{Method: "POST", Path: machine + "/lease", Do: withMachine(takeLease)},
		{Method: "DELETE", Path: machine + "/lease", Do: withMachine(releaseLease)},
		{Method: "POST", Path: "/api/v1/releases", Do: (*Fly).createRelease},
		{Method: "PATCH", Path: "/api/v1/releases/{release}", Do: (*Fly).updateRelease},
		{Method: "GET", Path: "/api/v1/apps/{app}/releases", Do: withApp(listReleases)},
		{Method: "GET", Path: "/api/v1/apps/{app}/logs", Do: withApp(listLogs)},
	}
}

// withApp lets a call through that may use the app in its path. An app of
// somebody else is answered with 403, one that is not there with 404, as
// fly-go's look-up of free names expects.
func withApp(do func(*Fly, *route.Call, *app)) func(*Fly, *route.Call) {
	return func(f *Fly, c *route.Call) {
		t := f.caller(c)
		if t == nil {
			return
		}
		a := f.allowed(c, t, c.Arg("app"))
		if a != nil {
			do(f, c, a)
		}
	}
}

func withMachine(do func(*Fly, *route.Call, *machine)) func(*Fly, *route.Call) {
	return withApp(func(f *Fly, c *route.Call, a *app) {
		m := a.machine(c.Arg("machine"))
		if m == nil {
			fail(c, 404, "machine not found")
			return
		}
		do(f, c, m)
	})
}
