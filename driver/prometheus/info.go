package prometheus

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl/estate"
)

const (
	kindQuery   = "query"
	checkWithin = 10 * time.Minute
)

func spec() estate.Spec {
	return estate.Spec{
		Name: "prometheus", Title: "Prometheus", Credential: estate.OptionalCredential,
		Connection: []estate.Field{
			{Name: "base", Type: estate.String, Required: true, Example: "https://prometheus.example.com", Doc: "The URL in front of `/api/v1/query`. User names and passwords in it are refused."},
			{Name: "auth_scheme", Type: estate.String, Default: "Bearer", Enum: []string{"Bearer", "basic"}, Doc: "How the credential is sent. `basic` encodes one of the form user:password."},
			{Name: "tenant", Type: estate.String, Example: "production", Doc: "The header X-Scope-OrgID, for servers of many tenants (Mimir, Cortex)."},
		},
		Kinds: []estate.Kind{query()},
	}
}

func query() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindQuery,
		Doc: "An instant query. Every sample of the answer must compare with the value as said; an answer without samples fails, unless `absent: pass`.",
		Fields: []estate.Field{
			{Name: "query", Type: estate.String, Required: true, Example: `sum(increase(http_requests_total{job="cp",code="401"}[10m]))`, Doc: "The expression, in PromQL. It gives a scalar or a vector. Never a value."},
			{Name: "is", Type: estate.String, Default: "==", Enum: []string{"==", "!=", "<", "<=", ">", ">="}, Doc: "How a sample must compare with `value`."},
			{Name: "value", Type: estate.String, Default: "0", Example: "0.01", Doc: "The expected number."},
			{Name: "absent", Type: estate.String, Default: "fail", Enum: []string{"fail", "pass"}, Doc: "What an answer without any sample is. A counter that nothing has raised yet has no sample."},
			{Name: "watch", Type: estate.Duration, Default: time.Duration(0), Example: "10m", Doc: "How long to wait before the query is judged. Use a query over the same span, `increase(...[10m])`, so that nothing between two looks is missed."},
		},
		Identity: []string{"query"},
		Check:    &estate.CheckFacts{Within: checkWithin},
		Manual:   estate.Manual{"check": "promtool query instant {{.base}} '{{.query}}'   # every sample {{.is}} {{.value}}"},
	}
}

const notes = `- Samples are scraped: what happened in the last scrape interval may not be in the answer yet. Set ` + "`watch`" + ` to more than it.
- NaN compares with nothing: a sample that is NaN fails the check.
`

// authorize sets the credential as the scheme wants it (RFC 6750, RFC 7617).
func authorize(scheme string) func(http.Header, []byte) {
	return func(h http.Header, credential []byte) {
		if strings.EqualFold(scheme, "basic") {
			h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString(credential))
			return
		}
		h.Set("Authorization", "Bearer "+string(credential))
	}
}

func unix(seconds int64) string { return strconv.FormatInt(seconds, 10) }
