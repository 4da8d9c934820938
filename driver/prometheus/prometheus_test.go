package prometheus

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

type answers string

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(string(a))), Request: r}, nil
}

func TestCheck(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	vector := func(values ...string) string {
		var list []string
		for _, v := range values {
			list = append(list, `{"metric":{"job":"cp"},"value":[1780315200,"`+v+`"]}`)
		}
		return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(list, ",") + `]}}`
	}
	ago := func(d time.Duration) string { return unix(now.Add(-d).Unix()) }
	for _, c := range []struct {
		name, answer string
		result       string
		over         time.Duration
		resume       string
		want         driver.State
		after        time.Duration
		kind         driver.ErrorKind
	}{
		{"equal", vector("0"), "== 0", 0, "", driver.Passed, 0, ""},
		{"one of two differs", vector("0", "1"), "== 0", 0, "", driver.Failed, 0, ""},
		{"below", vector("0.2"), "< 0.5", 0, "", driver.Passed, 0, ""},
		{"not below", vector("0.5"), "< 0.5", 0, "", driver.Failed, 0, ""},
		{"not a number", vector("NaN"), "!= 0", 0, "", driver.Failed, 0, ""},
		{"infinite", vector("+Inf"), "> 0", 0, "", driver.Passed, 0, ""},
		{"no sample", vector(), "== 0", 0, "", driver.Failed, 0, ""},
		{"scalar", `{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`, "== 2", 0, "", driver.Passed, 0, ""},
		{"begins to hold", vector("0"), "== 0", 10 * time.Minute, "", driver.Pending, lookEvery, ""},
		{"has held for a while", vector("0"), "== 0", 10 * time.Minute, ago(595 * time.Second), driver.Pending, 5 * time.Second, ""},
		{"has held", vector("0"), "== 0", 10 * time.Minute, ago(10 * time.Minute), driver.Passed, 0, ""},
		{"holds no longer", vector("1"), "== 0", 10 * time.Minute, ago(10 * time.Minute), driver.Failed, 0, ""},
		{"matrix", `{"status":"success","data":{"resultType":"matrix","result":[]}}`, "== 0", 0, "", "", 0, driver.Malformed},
		{"error with 200", `{"status":"error","errorType":"bad_data"}`, "== 0", 0, "", "", 0, driver.Malformed},
		{"sample is no text", `{"status":"success","data":{"resultType":"scalar","result":[1,2]}}`, "== 2", 0, "", "", 0, driver.Malformed},
		{"no comparison", vector("0"), "none", 0, "", "", 0, driver.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			opened, err := New().Open(driver.Env{Transport: answers(c.answer), Now: func() time.Time { return now }}, estate.Settings{"base": "https://prometheus.example.com"})
			if err != nil {
				t.Fatal(err)
			}
			s := estate.Settings{"query": "up", "result": c.result, "over": c.over}
			f, err := opened.(driver.Checker).Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: "query", Settings: s}, Since: now, Resume: c.resume})
			if e := driver.AsError("check", err); e != nil && e.Kind != c.kind || e == nil && c.kind != "" {
				t.Fatalf("error %v, want kind %q", err, c.kind)
			}
			if f.State != c.want || f.After != c.after {
				t.Errorf("it is %q after %s (%s), want %q after %s", f.State, f.After, f.Detail, c.want, c.after)
			}
			if f.State != driver.Pending && f.Resume != "" {
				t.Errorf("it would go on from %q", f.Resume)
			}
		})
	}
}
