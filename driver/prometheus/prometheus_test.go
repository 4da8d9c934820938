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
	for _, c := range []struct {
		name, answer string
		settings     estate.Settings
		since        time.Time
		want         driver.State
		kind         driver.ErrorKind
	}{
		{"equal", vector("0"), estate.Settings{"value": "0"}, now, driver.Passed, ""},
		{"one of two differs", vector("0", "1"), estate.Settings{"value": "0"}, now, driver.Failed, ""},
		{"below", vector("0.2"), estate.Settings{"value": "0.5", "is": "<"}, now, driver.Passed, ""},
		{"not below", vector("0.5"), estate.Settings{"value": "0.5", "is": "<"}, now, driver.Failed, ""},
		{"at most", vector("0.5"), estate.Settings{"value": "0.5", "is": "<="}, now, driver.Passed, ""},
		{"above", vector("3"), estate.Settings{"value": "2", "is": ">"}, now, driver.Passed, ""},
		{"at least", vector("1"), estate.Settings{"value": "2", "is": ">="}, now, driver.Failed, ""},
		{"other", vector("1"), estate.Settings{"value": "1", "is": "!="}, now, driver.Failed, ""},
		{"not a number", vector("NaN"), estate.Settings{"value": "0", "is": "!="}, now, driver.Failed, ""},
		{"infinite", vector("+Inf"), estate.Settings{"value": "0", "is": ">"}, now, driver.Passed, ""},
		{"no sample", vector(), estate.Settings{"value": "0"}, now, driver.Failed, ""},
		{"no sample, which passes", vector(), estate.Settings{"value": "0", "absent": "pass"}, now, driver.Passed, ""},
		{"scalar", `{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`, estate.Settings{"value": "2"}, now, driver.Passed, ""},
		{"too early", vector("0"), estate.Settings{"value": "0", "watch": 10 * time.Minute}, now.Add(-time.Minute), driver.Pending, ""},
		{"watched", vector("0"), estate.Settings{"value": "0", "watch": 10 * time.Minute}, now.Add(-10 * time.Minute), driver.Passed, ""},
		{"matrix", `{"status":"success","data":{"resultType":"matrix","result":[]}}`, estate.Settings{"value": "0"}, now, "", driver.Malformed},
		{"error with 200", `{"status":"error","errorType":"bad_data"}`, estate.Settings{"value": "0"}, now, "", driver.Malformed},
		{"sample is no text", `{"status":"success","data":{"resultType":"scalar","result":[1,2]}}`, estate.Settings{"value": "2"}, now, "", driver.Malformed},
		{"expected is no number", vector("0"), estate.Settings{"value": "none"}, now, "", driver.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			opened, err := New().Open(driver.Env{Transport: answers(c.answer), Now: func() time.Time { return now }}, estate.Settings{"base": "https://prometheus.example.com"})
			if err != nil {
				t.Fatal(err)
			}
			c.settings["query"] = "up"
			f, err := opened.(driver.Checker).Check(t.Context(), driver.CheckRequest{Target: driver.Target{Kind: "query", Settings: c.settings}, Since: c.since})
			if e := driver.AsError("check", err); e != nil && e.Kind != c.kind || e == nil && c.kind != "" {
				t.Fatalf("error %v, want kind %q", err, c.kind)
			}
			if f.State != c.want {
				t.Errorf("it is %q (%s), want %q", f.State, f.Detail, c.want)
			}
			if c.want == driver.Pending && f.After != 9*time.Minute {
				t.Errorf("it is asked again after %s, want the rest of the watch, 9m", f.After)
			}
		})
	}
}
