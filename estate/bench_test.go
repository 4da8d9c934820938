package estate_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/pawlhq/pawl/estate"
)

// many writes an estate of n secrets, each with two locations and two checks.
func many(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`pawl: 1
estate: acme
connections:
  fly: {driver: fly, org: acme, credential: env:FLY}
  github: {driver: github, credential: env:GITHUB}
  cp: {driver: http, base: https://cp.example.com}
secrets:
`)
	for i := range n {
		fmt.Fprintf(&b, `  SECRET_%d:
    purpose: Calls of service %d to its neighbour
    owner: platform
    issuer: {use: fly, kind: deploy_token, app: app-%d, name: "app-%d-{{.Date}}"}
    locations:
      - {use: fly, kind: app_secret, app: app-%d, activate: rolling, render: "Bearer {{.value}}"}
      - {use: github, kind: actions_secret, repo: acme/repo-%d}
    checks:
      - {use: cp, kind: get, path: /health/%d, status: 200}
      - {use: github, kind: workflow_run, repo: acme/repo-%d, workflow: publish.yml, within: 20m}
    retire: {after: 1h}
    policy: {every: 90d, window: "Sun 02:00-06:00 Europe/Berlin"}
`, i, i, i, i, i, i, i, i)
	}
	return b.Bytes()
}

// BenchmarkParse10k parses and checks ten thousand secrets. The aim is less
// than a second on a small machine.
func BenchmarkParse10k(b *testing.B) {
	data, c := many(10_000), drivers()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := estate.Parse("pawl.yaml", data, c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/estate")
	b.ReportMetric(float64(len(data))/1e6, "MB-in")
}
