package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
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

// Check asks once and compares.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	s := r.Target.Settings
	if r.Target.Kind != kindQuery {
		return driver.Finding{}, unsupported("check", r.Target.Kind)
	}
	want, err := strconv.ParseFloat(s.String("value"), 64)
	if err != nil {
		return driver.Finding{}, &driver.Error{Op: "check", On: "the query", Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "value must be a number"}
	}
	if left := r.Since.Add(s.Duration("watch")).Sub(c.env.Now()); left > 0 {
		return driver.Finding{State: driver.Pending, After: left, Detail: "watching"}, nil
	}
	found, err := c.query(ctx, "check", s.String("query"), c.env.Now())
	if err != nil {
		return driver.Finding{}, err
	}
	numbers, err := found.samples()
	if err != nil {
		return driver.Finding{}, &driver.Error{Op: "check", On: "the query", Kind: driver.Malformed, Effect: pawl.EffectNone, Why: err.Error()}
	}
	if len(numbers) == 0 {
		return absent(s.String("absent")), nil
	}
	for _, n := range numbers {
		if !compares(n, s.String("is"), want) {
			return driver.Finding{State: driver.Failed, Detail: fmt.Sprintf("a sample is %g, wanted %s %g", n, s.String("is"), want)}, nil
		}
	}
	return driver.Finding{State: driver.Passed, Detail: fmt.Sprintf("%d samples %s %g", len(numbers), s.String("is"), want)}, nil
}

func absent(rule string) driver.Finding {
	if rule == "pass" {
		return driver.Finding{State: driver.Passed, Detail: "no sample, which passes here"}
	}
	return driver.Finding{State: driver.Failed, Detail: "the query gives no sample"}
}

// compares holds a sample to the expected number. NaN compares with nothing,
// also not by !=.
func compares(n float64, is string, want float64) bool {
	if n != n {
		return false
	}
	switch is {
	case "==", "":
		return n == want
	case "!=":
		return n != want
	case "<":
		return n < want
	case "<=":
		return n <= want
	case ">":
		return n > want
	case ">=":
		return n >= want
	default:
		return false
	}
}
