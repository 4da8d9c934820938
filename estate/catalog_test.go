package estate_test

import (
	"slices"
	"time"

	"github.com/pawlhq/pawl/estate"
)

// catalog is a few made-up drivers with the capabilities that tests need.
type catalog []estate.Spec

func (c catalog) Spec(name string) (estate.Spec, bool) {
	i := slices.IndexFunc(c, func(s estate.Spec) bool { return s.Name == name })
	if i < 0 {
		return estate.Spec{}, false
	}
	return c[i], true
}

func (c catalog) Drivers() []string {
	var names []string
	for _, s := range c {
		names = append(names, s.Name)
	}
	return names
}

func drivers() catalog {
	return catalog{flySpec(), githubSpec(), httpSpec(), neonSpec(), randomSpec(), fileSpec(), vaultSpec(), cloudSpec()}
}

func flySpec() estate.Spec {
	return estate.Spec{Name: "fly", Title: "Fly.io", Credential: estate.NeedsCredential,
		Connection: []estate.Field{{Name: "org", Type: estate.String, Required: true, Doc: "The organisation's slug.", Example: "acme"}},
		Kinds: []estate.Kind{
			{Role: estate.RoleIssuer, Name: "deploy_token", Doc: "A deploy token of one app.",
				Fields: []estate.Field{
					{Name: "app", Type: estate.String, Required: true, Doc: "The app."},
					{Name: "name", Type: estate.String, Default: "{{secret}}-{{.Date}}", Doc: "The token's name."},
					{Name: "expiry", Type: estate.Duration, Default: 90 * 24 * time.Hour, Doc: "How long it lives."},
				},
				Identity: []string{"app"},
				Issuer:   &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, Verifies: true}},
			{Role: estate.RoleLocation, Name: "app_secret", Doc: "A secret of an app.",
				Fields: []estate.Field{
					{Name: "app", Type: estate.String, Required: true, Doc: "The app."},
					{Name: "name", Type: estate.String, Default: "{{secret}}", Doc: "The variable's name."},
				},
				Identity: []string{"app", "name"},
				Location: &estate.LocationFacts{Confirm: estate.ByDigest, Removable: true,
					Activations: []estate.ActivationFact{{Kind: "rolling", Doc: "Restart machine by machine."}, {Kind: "next_deploy", Doc: "Wait for the next deployment.", Waits: true}}}},
		}}
}

func githubSpec() estate.Spec {
	repo := estate.Field{Name: "repo", Type: estate.String, Required: true, Doc: "The repository, as owner/name.", Example: "acme/site"}
	return estate.Spec{Name: "github", Title: "GitHub", Credential: estate.NeedsCredential, Kinds: []estate.Kind{
		{Role: estate.RoleLocation, Name: "actions_secret", Doc: "A secret of a repository.", Identity: []string{"repo", "name"},
			Fields:   []estate.Field{repo, {Name: "name", Type: estate.String, Default: "{{secret}}", Doc: "The secret's name."}},
			Location: &estate.LocationFacts{Confirm: estate.ByTimestamp, Removable: true, Live: true}},
		{Role: estate.RoleCheck, Name: "workflow_run", Doc: "Starts a workflow.", Identity: []string{"repo", "workflow"},
			Fields: []estate.Field{repo, {Name: "workflow", Type: estate.String, Required: true, Doc: "The file's name."},
				{Name: "inputs", Type: estate.Map, Doc: "Inputs."}},
			Check: &estate.CheckFacts{Acts: true, Within: 30 * time.Minute}},
	}}
}

func httpSpec() estate.Spec {
	path := estate.Field{Name: "path", Type: estate.String, Required: true, Doc: "The path.", Example: "/health"}
	return estate.Spec{Name: "http", Title: "HTTP", Credential: estate.OptionalCredential,
		Connection: []estate.Field{{Name: "base", Type: estate.String, Required: true, Doc: "Where it is."}},
		Kinds: []estate.Kind{
			{Role: estate.RoleLocation, Name: "put", Doc: "A declared write.", Identity: []string{"path"},
				Fields:   []estate.Field{path, {Name: "body", Type: estate.Template, Doc: "The body."}},
				Location: &estate.LocationFacts{Confirm: estate.ByNothing, Live: true}},
			{Role: estate.RoleCheck, Name: "get", Doc: "A declared read.", Identity: []string{"path"},
				Fields: []estate.Field{path,
					{Name: "status", Type: estate.Integer, Default: 200, Doc: "Expected status."},
					{Name: "follow", Type: estate.Boolean, Doc: "Follow redirects."},
					{Name: "headers", Type: estate.Map, Doc: "Headers."},
					{Name: "hosts", Type: estate.List, Doc: "Hosts."},
					{Name: "method", Type: estate.String, Enum: []string{"GET", "HEAD"}, Default: "GET", Doc: "Method."}},
				Check: &estate.CheckFacts{}},
			{Role: estate.RoleDiscovery, Name: "json", Doc: "Targets out of a JSON document.", Fields: []estate.Field{path}},
		}}
}

func neonSpec() estate.Spec {
	return estate.Spec{Name: "neon", Title: "Neon", Credential: estate.NeedsCredential, Kinds: []estate.Kind{
		{Role: estate.RoleIssuer, Name: "role_password", Doc: "A role's password.", Identity: []string{"role"},
			Fields: []estate.Field{{Name: "role", Type: estate.String, Required: true, Doc: "The role."}},
			Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.Replaced, Parts: []string{"user", "password"}}},
		{Role: estate.RoleIssuer, Name: "api_key", Doc: "A key of the account.",
			Fields: []estate.Field{{Name: "name", Type: estate.String, Default: "{{secret}}", Doc: "The key's name."}},
			Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Revokes: true, Deactivates: true, LastUsed: true, Verifies: true}},
	}}
}

func randomSpec() estate.Spec {
	return estate.Spec{Name: "random", Title: "Random values", Credential: estate.NoCredential, Kinds: []estate.Kind{
		{Role: estate.RoleIssuer, Name: "value", Doc: "A random value.", Issuer: &estate.IssuerFacts{Mint: estate.Locally, Overlap: estate.SideBySide}},
	}}
}

func fileSpec() estate.Spec {
	return estate.Spec{Name: "file", Title: "Files", Credential: estate.NoCredential, Kinds: []estate.Kind{
		{Role: estate.RoleLocation, Name: "whole", Doc: "A whole file.", Identity: []string{"path"},
			Fields:   []estate.Field{{Name: "path", Type: estate.String, Required: true, Doc: "The path."}},
			Location: &estate.LocationFacts{Confirm: estate.ByValue, Readable: true, Live: true}},
	}}
}

// vaultSpec has nothing that is served yet.
func vaultSpec() estate.Spec {
	return estate.Spec{Name: "vault", Title: "Vault", Credential: estate.OptionalCredential}
}

// cloudSpec has kinds that watch, that make consumers load, and an issuer
// with a window of its own.
func cloudSpec() estate.Spec {
	app := estate.Field{Name: "app", Type: estate.String, Required: true, Doc: "The app."}
	return estate.Spec{Name: "cloud", Title: "Cloud", Credential: estate.OptionalCredential, Kinds: []estate.Kind{
		{Role: estate.RoleIssuer, Name: "rolled_key", Doc: "A key that is rolled.",
			Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.IssuerWindow, Window: 24 * time.Hour, Verifies: true}},
		{Role: estate.RoleActivation, Name: "restart", Doc: "Restarts an app.", Fields: []estate.Field{app}, Identity: []string{"app"}},
		{Role: estate.RoleActivation, Name: "sync", Doc: "Forces a sync.", Fields: []estate.Field{app}, Identity: []string{"app"}},
		{Role: estate.RoleCheck, Name: "logs", Doc: "Reads an app's log.", Fields: append([]estate.Field{app}, estate.LogFields()...), Identity: []string{"app"},
			Check: &estate.CheckFacts{Observes: estate.ObservesLog}},
		{Role: estate.RoleCheck, Name: "trial", Doc: "Tries the value.", Check: &estate.CheckFacts{TakesValue: true}},
		{Role: estate.RoleCheck, Name: "query", Doc: "Queries a number.", Fields: estate.MetricFields(), Check: &estate.CheckFacts{Observes: estate.ObservesMetric}},
		{Role: estate.RoleCheck, Name: "call", Doc: "Does something.", Check: &estate.CheckFacts{Acts: true},
			Fields: []estate.Field{{Name: "path", Type: estate.String, Required: true, Doc: "The path."}, {Name: "with", Type: estate.Map, Doc: "Further words."}}},
	}}
}
