package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

// answer is what the server sends (Prometheus, "Format overview").
type answer struct {
	Status string `json:"status"`
	Data   result `json:"data"`
}

// result is a scalar, or a vector of samples, each with a time and a number
// written as text.
type result struct {
	Type   string          `json:"resultType"`
	Result json.RawMessage `json:"result"`
}

// samples gives the numbers of a result.
func (r *result) samples() ([]float64, error) {
	var points [][2]any
	switch r.Type {
	case "scalar":
		points = make([][2]any, 1)
		if err := json.Unmarshal(r.Result, &points[0]); err != nil {
			return nil, errShape
		}
	case "vector":
		var vector []struct {
			Value [2]any `json:"value"`
		}
		if err := json.Unmarshal(r.Result, &vector); err != nil {
			return nil, errShape
		}
		for _, v := range vector {
			points = append(points, v.Value)
		}
	default:
		return nil, fmt.Errorf("the query gives a %q; it must give a scalar or a vector", r.Type)
	}
	numbers := make([]float64, len(points))
	for i, p := range points {
		text, _ := p[1].(string)
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, errShape
		}
		numbers[i] = n
	}
	return numbers, nil
}

var errShape = errors.New("the answer's samples are not of the documented form")

// lookEvery is how often a number that must stay as it is is looked at.
const lookEvery = 30 * time.Second

// Check asks once and compares. A result that must last has to hold at every
// look: one that does not begins the time anew.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	s := r.Target.Settings
	if r.Target.Kind != kindQuery {
		return driver.Finding{}, unsupported("check", r.Target.Kind)
	}
	want, err := estate.ParseComparison(s.String("result"))
	if err != nil {
		return driver.Finding{}, &driver.Error{Op: "check", On: "the query", Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "result: " + err.Error()}
	}
	now := c.env.Now()
	found, err := c.query(ctx, "check", s.String("query"), now)
	if err != nil {
		return driver.Finding{}, err
	}
	numbers, err := found.samples()
	if err != nil {
		return driver.Finding{}, &driver.Error{Op: "check", On: "the query", Kind: driver.Malformed, Effect: pawl.EffectNone, Why: err.Error()}
	}
	if len(numbers) == 0 {
		return driver.Finding{State: driver.Failed, Detail: "the query gives no sample"}, nil
	}
	for _, n := range numbers {
		if !want.Holds(n) {
			return driver.Finding{State: driver.Failed, Detail: fmt.Sprintf("a sample is %g, wanted %s", n, s.String("result"))}, nil
		}
	}
	return lasting(r.Resume, s.Duration("over"), now, fmt.Sprintf("%d samples are %s", len(numbers), s.String("result")))
}

// lasting passes once a result has held for long enough. resume is the second
// from which on it has.
func lasting(resume string, over time.Duration, now time.Time, detail string) (driver.Finding, error) {
	began := now
	if resume != "" {
		seconds, err := strconv.ParseInt(resume, 10, 64)
		if err != nil {
			return driver.Finding{}, &driver.Error{Op: "check", On: "the query", Kind: driver.Internal, Effect: pawl.EffectNone, Why: "the time on record cannot be read"}
		}
		began = time.Unix(seconds, 0)
	}
	if left := over - now.Sub(began); left > 0 {
		return driver.Finding{State: driver.Pending, After: min(left, lookEvery), Resume: unix(began.Unix()), Detail: fmt.Sprintf("%s, for %s more", detail, left.Round(time.Second))}, nil
	}
	return driver.Finding{State: driver.Passed, Detail: detail}, nil
}
