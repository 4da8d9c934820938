package fly

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
)

// act is one operation of the GraphQL API.
type act struct {
	op, on   string // for errors
	document string
	vars     map[string]any
}

func (a act) mutates() bool { return strings.HasPrefix(a.document, "mutation") }

// failed is an entry of "errors", which come with status 200 (inferred: the
// schema does not say).
type failed struct {
	Message    string
	Extensions struct{ Code string }
}

// graphql makes an operation and decodes its data into out.
func (c *conn) graphql(ctx context.Context, a act, out any) error {
	r := rest.Request{Op: a.op, On: a.on, Method: http.MethodPost, Path: "/graphql", Safe: !a.mutates(),
		JSON: map[string]any{"query": a.document, "variables": a.vars}}
	var got struct {
		Data   json.RawMessage
		Errors []failed
	}
	if _, err := c.web.Do(ctx, r, &got); err != nil {
		return err
	}
	if len(got.Errors) > 0 {
		return c.refused(ctx, a, got.Errors[0])
	}
	if len(got.Data) == 0 || json.Unmarshal(got.Data, out) != nil {
		return a.malformed("the answer has not the form of the schema")
	}
	return nil
}

// refused makes the error of a refusal. Where it is not one of the known ones,
// a mutation may have been done before the answer went wrong.
func (c *conn) refused(ctx context.Context, a act, f failed) error {
	e := &driver.Error{Op: a.op, On: a.on, Kind: codeOf(f), Effect: pawl.EffectNone, Status: http.StatusOK, Why: c.web.Clean(ctx, f.Message)}
	if e.Kind == "" {
		e.Kind = driver.Unavailable
		if a.mutates() {
			e.Effect = pawl.EffectUnknown
		}
	}
	refine(e, http.StatusOK, nil, nil)
	return e
}

// codeOf reads a refusal by its code or, where there is none, by the words
// that Fly's server uses.
func codeOf(f failed) driver.ErrorKind {
	text := strings.ToLower(f.Message)
	switch {
	case f.Extensions.Code == "UNAUTHORIZED" || strings.Contains(text, "must be authenticated"):
		return driver.Unauthenticated
	case f.Extensions.Code == "FORBIDDEN" || strings.HasPrefix(text, "not authorized"):
		return driver.Denied
	case f.Extensions.Code == "NOT_FOUND" || strings.HasPrefix(text, "could not find"):
		return driver.NotFound
	case f.Extensions.Code == "UNPROCESSABLE":
		return driver.Invalid
	default:
		return ""
	}
}

func (a act) malformed(why string) *driver.Error {
	e := &driver.Error{Op: a.op, On: a.on, Kind: driver.Malformed, Effect: pawl.EffectNone, Status: http.StatusOK, Why: why}
	if a.mutates() {
		e.Effect = pawl.EffectUnknown
	}
	return e
}
