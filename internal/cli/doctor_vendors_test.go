package cli

import (
	"fmt"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/github"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/stripe"
	"github.com/pawlhq/pawl/vendorsim/upstash"
)

// An expired credential is one whose life was a second, in a world in which
// that was long ago.
const life = time.Nanosecond

func TestDoctorTellsWhatAFlyTokenLacks(t *testing.T) {
	f := fly.New(fly.Config{})
	f.AddOrg("acme")
	f.AddApp("acme", "web", "TOKEN")
	f.AddApp("acme", "other", "TOKEN")
	f.AddMachines("web", 1)
	person := f.AddUserToken("acme", "ops@example.com")
	_, ofApp := f.AddDeployToken("web", "web", time.Hour)
	_, ofOther := f.AddDeployToken("other", "other", time.Hour)
	_, over := f.AddDeployToken("web", "over", life)
	url := serve(t, f)
	truth := func() string { return fmt.Sprint(f.Tokens(), f.Machines("web"), writes(f.Log())) }
	p := newPatient(t, fmt.Sprintf("driver: fly, org: acme, api_base: %q, graphql_base: %q, credential: file:credential", url, url), "{use: vendor, kind: deploy_token, app: web}",
		"locations: [{use: vendor, kind: app_secret, app: web, activate: rolling}]",
		"checks: [{use: vendor, kind: machines_health, app: web}, {use: vendor, kind: logs, app: web, expect: boot}]")
	const session, app = "it needs a person's session (`fly auth token`)", "it needs a deploy token of the app, or a token of its organisation"
	diagnose(t, p, truth, []diagnosisCase{
		{"a person's session", person, 0, nil},
		{"wrong", wrong, 4, []string{"check the token: one that was cut short"}},
		{"cut short", ofApp[:len(ofApp)-9], 4, []string{"check the token: one that was cut short"}},
		{"expired", over, 4, []string{"check the token"}},
		{"of the app", ofApp, 4, []string{"list the tokens of web", session, "mint and revoke tokens of web", "yes\tvendor app secret web TOKEN"}},
		{"of another app", ofOther, 4, []string{"read the secrets of web", "write the secrets and update the machines of web", "read the machines of web", "read the logs of web", app}},
	})
}

func TestDoctorTellsWhatAGitHubTokenLacks(t *testing.T) {
	g := github.New(github.Config{})
	g.AddOrg("acme")
	g.AddRepo("acme/site")
	g.AddRepo("acme/else")
	g.AddEnvironment("acme/site", "production", false)
	g.AddWorkflow("acme/site", github.Workflow{File: "publish.yml"})
	token := func(permissions map[string]string, repos ...string) string {
		return g.AddToken(github.Token{Kind: github.FineGrained, Login: "ops", Permissions: permissions, Repos: repos})
	}
	classic := func(scopes ...string) string {
		return g.AddToken(github.Token{Kind: github.Classic, Login: "ops", Scopes: scopes})
	}
	over := g.AddToken(github.Token{Kind: github.Classic, Login: "ops", Scopes: []string{"repo"}, ExpiresAt: time.Now().Add(-time.Hour)})
	all := map[string]string{"secrets": "write", "environments": "write", "dependabot_secrets": "write", "actions": "write", "organization_secrets": "write", "organization_dependabot_secrets": "write"}
	without := func(name string) string {
		some := map[string]string{}
		for k, v := range all {
			if k != name {
				some[k] = v
			}
		}
		return token(some)
	}
	url := serve(t, g)
	truth := func() string { return fmt.Sprint(g.Runs(), writes(g.Log())) }
	p := newPatient(t, fmt.Sprintf("driver: github, base: %q, credential: file:credential", url), "{use: random, kind: value}",
		"locations: [{use: vendor, kind: actions_secret, repo: acme/site}, {use: vendor, kind: actions_environment_secret, repo: acme/site, environment: production}, {use: vendor, kind: dependabot_secret, repo: acme/site}, {use: vendor, kind: actions_org_secret, org: acme}, {use: vendor, kind: dependabot_org_secret, org: acme}]",
		"checks: [{use: vendor, kind: workflow_run, repo: acme/site, workflow: publish.yml}]")
	diagnose(t, p, truth, []diagnosisCase{
		{"classic with both scopes", classic("repo", "admin:org"), 0, nil},
		{"wrong", wrong, 4, []string{"Bad credentials"}},
		{"expired", over, 4, []string{"Bad credentials"}},
		{"no scope", classic(), 4, []string{"no\tvendor actions secret acme/site TOKEN"}},
		{"classic without the organisation's", classic("repo"), 4, []string{`organization "Secrets": write (classic: admin:org)`, `organization "Dependabot secrets": write (classic: admin:org)`}},
		{"fine-grained with all", token(all), 0, []string{"only a write can tell"}},
		{"without secrets", without("secrets"), 4, []string{`repository "Secrets": write (classic: repo)`, "cannot even read the public key"}},
		{"without environments", without("environments"), 4, []string{`repository "Environments": write (classic: repo)`}},
		{"without Dependabot's", without("dependabot_secrets"), 4, []string{`repository "Dependabot secrets": write (classic: repo)`}},
		{"without actions", without("actions"), 4, []string{"no\tvendor queued runs acme/site", `it needs repository "Actions": read (classic: repo)`, "see the workflow acme/site publish.yml"}},
		{"without the organisation's", without("organization_secrets"), 4, []string{`organization "Secrets": write`}},
		{"without the organisation's Dependabot's", without("organization_dependabot_secrets"), 4, []string{`organization "Dependabot secrets": write`}},
		{"of another repository", token(all, "acme/else"), 4, []string{"see the repository acme/site", "it needs the repository"}},
	})
}

func TestDoctorTellsWhatANeonKeyLacks(t *testing.T) {
	n := neon.New(neon.Config{})
	const org, project = "org-morning-bread-81040908", "shiny-wind-028834"
	admin, member, stranger := n.AddUser("Alex"), n.AddUser("Kim"), n.AddUser("Sam")
	n.AddOrg(org, admin)
	n.AddMember(org, member)
	branch := n.AddProject(neon.Project{ID: project, Org: org})
	_, good := n.AddKey(admin, "ops")
	_, strange := n.AddKey(stranger, "ops")
	_, ofOrg := n.AddOrgKey(org, "", "ci")
	url := serve(t, n)
	truth := func() string {
		var keys []string
		for _, k := range n.Keys() { // when one was last used changes with every look
			keys = append(keys, fmt.Sprint(k.ID, k.RevokedAt))
		}
		return fmt.Sprint(keys, n.Roles(project, branch), writes(n.Log()))
	}
	connection := fmt.Sprintf("driver: neon, base: %q, credential: file:credential", url+"/api/v2")
	for issuer, cases := range map[string][]diagnosisCase{
		"{use: vendor, kind: api_key}": {
			{"a person's", good, 0, nil},
			{"an organisation's", ofOrg, 4, []string{"mint and revoke keys of the person's account", "it needs a personal API key"}},
		},
		"{use: vendor, kind: org_api_key, org_id: " + org + "}": {
			{"an admin's", good, 0, nil},
			{"an organisation's", ofOrg, 4, []string{"it needs a personal API key of an admin of the organization"}},
			{"a stranger's", strange, 4, []string{"list the keys of " + org, "it needs a personal API key of a member"}},
		},
		"{use: vendor, kind: role_password, project: " + project + ", branch: " + branch + ", role: neondb_owner}": {
			{"an admin's", good, 0, nil},
			{"a stranger's", strange, 4, []string{"reset the password of", "it needs an API key that can access the project"}},
		},
		"{use: vendor, kind: role, project: " + project + ", branch: " + branch + "}": {
			{"a stranger's", strange, 4, []string{"read the roles of", "it needs an API key that can access the project"}},
		},
	} {
		p := newPatient(t, connection, issuer, "parts: [value]", `checks: [{use: vendor, kind: auth}]`)
		if issuer[len("{use: vendor, kind: ")] == 'r' {
			p = newPatient(t, connection, issuer, "parts: [user, password]", fmt.Sprintf("checks: [{use: vendor, kind: branch, project: %s, name: main}]", project))
		}
		diagnose(t, p, truth, append(cases, diagnosisCase{"wrong", wrong, 4, nil}))
	}
}

func TestDoctorTellsWhatAResendKeyLacks(t *testing.T) {
	r := resend.New(resend.Config{})
	r.AddDomain("example.com", "verified")
	_, full := r.AddKey("ops", "full_access", "")
	_, sends := r.AddKey("app", "sending_access", "")
	id, gone := r.AddKey("gone", "full_access", "")
	r.DeleteKey(id)
	url := serve(t, r)
	truth := func() string {
		var keys []string
		for _, k := range r.Keys() { // when one was last used changes with every look
			keys = append(keys, fmt.Sprint(k.ID, k.Name))
		}
		return fmt.Sprint(keys, r.Emails(), writes(r.Log()))
	}
	p := newPatient(t, fmt.Sprintf("driver: resend, base: %q, credential: file:credential", url), "{use: vendor, kind: api_key, permission: sending_access}",
		"checks: [{use: vendor, kind: domain_verified}, {use: vendor, kind: email_seen, to: ops@example.com}, {use: vendor, kind: send, from: noreply@example.com}]")
	diagnose(t, p, truth, []diagnosisCase{
		{"full access", full, 0, nil},
		{"sending access", sends, 4, []string{"mint, list and delete the team's keys", "read the team's domains", "read the team's emails", "may only send; it needs full access"}},
		{"deleted", gone, 4, []string{"API key is invalid"}},
		{"wrong", wrong, 4, []string{"API key is invalid"}},
	})
}

func TestDoctorTellsWhatAnAnthropicKeyLacks(t *testing.T) {
	a := anthropic.New(anthropic.Config{})
	space := a.AddWorkspace("apps")
	admin := a.AddAdminKey()
	_, key := a.CreateKey(anthropic.Key{Name: "web", Workspace: space})
	url := serve(t, a)
	truth := func() string { return fmt.Sprint(a.Keys(), writes(a.Log())) }
	connection := fmt.Sprintf("driver: anthropic, base: %q, credential: file:credential", url)
	diagnose(t, newPatient(t, connection, "{use: vendor, kind: api_key, workspace_id: "+space+"}"), truth, []diagnosisCase{
		{"an Admin key", admin, 0, nil},
		{"a key of a workspace", key, 4, []string{"use an Admin key, which begins with sk-ant-admin"}},
		{"wrong", wrong, 4, []string{"use an Admin key"}},
	})
	diagnose(t, newPatient(t, connection, "{use: vendor, kind: api_key, workspace_id: wrkspc_01AAAAAAAAAAAAAAAAAAAAAA}"), truth, []diagnosisCase{
		{"an Admin key that does not see the workspace", admin, 4, []string{"see the workspace wrkspc_01AAAAAAAAAAAAAAAAAAAAAA", "of another organisation"}},
	})
}

func TestDoctorTellsWhatAStripeKeyLacks(t *testing.T) {
	s := stripe.New(stripe.Config{})
	id, _ := s.AddEndpoint(stripe.Endpoint{URL: "https://app.example.com/hook"})
	full := s.AddKey(stripe.Key{})
	blind := s.AddKey(stripe.Key{Restricted: true})
	over := s.AddKey(stripe.Key{})
	s.ExpireKey(over)
	url := serve(t, s)
	truth := func() string { return fmt.Sprint(s.Endpoints(), writes(s.Log())) }
	connection := fmt.Sprintf("driver: stripe, base: %q, credential: file:credential", url)
	for _, issuer := range []string{"{use: vendor, kind: webhook_endpoint, url: https://app.example.com/hook}", "{use: vendor, kind: webhook_secret, endpoint: " + id + "}"} {
		diagnose(t, newPatient(t, connection, issuer), truth, []diagnosisCase{
			{"a secret key", full, 0, nil},
			{"a restricted key without permissions", blind, 4, []string{"a restricted key needs"}},
			{"expired", over, 4, []string{"the connection"}},
			{"wrong", wrong, 4, []string{"next: "}},
		})
	}
	diagnose(t, newPatient(t, connection, "{use: vendor, kind: secret_key}"), truth, []diagnosisCase{
		{"a secret key", full, 0, nil},
		{"a restricted key, which is enough", blind, 0, []string{"may not read the balance"}},
		{"expired", over, 4, nil},
		{"wrong", wrong, 4, nil},
	})
}

func TestDoctorTellsWhatAnUpstashKeyLacks(t *testing.T) {
	u := upstash.New(upstash.Config{})
	const mail, elsewhere = "ops@example.com", "else@example.com"
	u.AddAccount(mail)
	u.AddAccount(elsewhere)
	_, good := u.AddKey(mail, "ops")
	id, gone := u.AddKey(mail, "gone")
	u.DeleteKey(id)
	_, strange := u.AddKey(elsewhere, "ops")
	queue := u.AddQStash(mail, "eu-central-1")
	url := serve(t, u)
	truth := func() string { return u.State() + writes(u.Log()) }
	p := newPatient(t, fmt.Sprintf("driver: upstash, base: %q, credential: file:credential", url+"/v2"), "{use: vendor, kind: qstash_token, user: "+queue+"}", "parts: [token, read_only_token]")
	diagnose(t, p, truth, []diagnosisCase{
		{"a key", mail + ":" + good, 0, nil},
		{"deleted", mail + ":" + gone, 4, nil},
		{"of another account", elsewhere + ":" + strange, 4, []string{queue}},
		{"the key without the account", good, 4, []string{"email:key"}},
		{"wrong", mail + ":" + wrong, 4, nil},
	})
}
