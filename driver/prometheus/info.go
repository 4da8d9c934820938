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
			{Name: "base", Type: estate.String, URL: true, Required: true, Example: "https://prometheus.example.com", Doc: "The URL in front of `/api/v1/query`. User names and passwords in it are refused."},
			{Name: "auth_scheme", Type: estate.String, Default: "Bearer", Enum: []string{"Bearer", "basic"}, Doc: "How the credential is sent. `basic` encodes one of the form user:password."},
			{Name: "tenant", Type: estate.String, Example: "production", Doc: "The header X-Scope-OrgID, for servers of many tenants (Mimir, Cortex)."},
		},
		Kinds: []estate.Kind{query()},
	}
}

func query() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindQuery,
		Doc:      "An instant query. Every sample of the answer must be as `result` says; an answer without samples fails.",
		Fields:   estate.MetricFields(),
		Identity: []string{"query"},
		Check:    &estate.CheckFacts{Within: checkWithin, Observes: estate.ObservesMetric},
		Manual:   estate.Manual{"check": "promtool query instant {{sh .base}} {{sh .query}}   # every sample {{line .result}}"},
	}
}

const notes = `- Samples are scraped: what happened in the last scrape interval may not be in the answer yet. Set ` + "`over`" + ` to more than it, and
  use a query over the same span, ` + "`increase(...[10m])`" + `, so that nothing between two looks is missed.
- A counter that nothing has raised yet has no sample. Add ` + "`or vector(0)`" + ` where that is right.
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
