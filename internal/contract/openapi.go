package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// describer judges an exchange by a description. It gives the operation as the
// description names it, and how the exchange differs from it.
type describer interface {
	judge(e exchange) (operation string, what []string, err error)
}

const noSuchCall = "the description has no such call"

// openAPI is a description of version 3.0 or 3.1.
type openAPI struct {
	doc     *openapi3.T
	base    string
	options *openapi3filter.Options
}

func loadOpenAPI(file, base string) (*openAPI, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile(file)
	if err != nil {
		return nil, fmt.Errorf("contract: load a description: %w", err)
	}
	readable(doc)
	o := &openapi3filter.Options{MultiError: true, IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true,
		AuthenticationFunc: credentialIsThere}
	o.SchemaValidationOptions = []openapi3.SchemaValidationOption{
		openapi3.EnableFormatValidation(),
		openapi3.WithStringFormatValidator("date-time", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringDateTime)),
		openapi3.WithStringFormatValidator("uuid", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForUUIDOfRFC4122)),
	}
	return &openAPI{doc: doc, base: base, options: o}, nil
}

// readable puts parameters that the library cannot read into a form that it
// can: Stripe's arrays in a query ("expand[]=…") are called deepObject, which
// is for objects. What is in them is left to stripe-mock.
func readable(doc *openapi3.T) {
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			for _, p := range op.Parameters {
				if p.Value.Style == openapi3.SerializationDeepObject && p.Value.Schema != nil && p.Value.Schema.Value.Type.Is("array") {
					p.Value.Style = openapi3.SerializationForm
				}
			}
		}
	}
}

// credentialIsThere holds a call to the place that the description has for its
// credential. Whether it is accepted is the vendor's to say.
func credentialIsThere(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	s, h := in.SecurityScheme, in.RequestValidationInput.Request.Header
	name := "Authorization"
	if s.Type == "apiKey" && s.In == "header" {
		name = s.Name
	}
	if h.Get(name) == "" {
		return fmt.Errorf("no header %s", name)
	}
	if s.Type == "http" && !strings.EqualFold(strings.SplitN(h.Get(name), " ", 2)[0], s.Scheme) {
		return fmt.Errorf("the header %s is not of the scheme %s", name, s.Scheme)
	}
	return nil
}

func (o *openAPI) judge(e exchange) (string, []string, error) {
	r, err := e.request("https://" + e.Host)
	if err != nil {
		return "", nil, err
	}
	route, args := o.find(r)
	if route == nil && !e.held() {
		return e.Method + " " + shape(e.path()), nil, nil // a test looks how unknown calls are refused
	}
	if route == nil {
		return e.Method + " " + shape(e.path()), []string{noSuchCall}, nil
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: args, Route: route, Options: o.optionsFor(e)}
	var what []string
	if e.held() {
		what = append(what, o.judgeRequest(in, e)...)
	}
	if !e.Faulted && e.Status != 0 {
		what = append(what, o.judgeAnswer(in, e)...)
	}
	return e.Method + " " + o.baseOf(route.PathItem) + route.Path, what, nil
}

// optionsFor lets a call without a credential pass that was answered with 401:
// tests look how it is refused.
func (o *openAPI) optionsFor(e exchange) *openapi3filter.Options {
	if e.Status != http.StatusUnauthorized {
		return o.options
	}
	lax := *o.options
	lax.AuthenticationFunc = openapi3filter.NoopAuthenticationFunc
	return &lax
}

func (o *openAPI) judgeRequest(in *openapi3filter.RequestValidationInput, e exchange) []string {
	what := strangeParameters(in)
	body := in.Route.Operation.RequestBody
	if schema := schemaOf(body, e.Header.Get("Content-Type")); schema != nil && isForm(e.Header) {
		return append(what, judgeForm(schema, e.Body, in)...)
	}
	what = append(what, flatten("request", openapi3filter.ValidateRequest(context.Background(), in))...)
	if schema := schemaOf(body, e.Header.Get("Content-Type")); schema != nil {
		what = append(what, strangeFields("request body", schema, e.Body)...)
	}
	return what
}

func (o *openAPI) judgeAnswer(in *openapi3filter.RequestValidationInput, e exchange) []string {
	side := "answer " + strconv.Itoa(e.Status)
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: e.Status, Header: e.Answered, Options: in.Options}
	what := flatten(side, openapi3filter.ValidateResponse(context.Background(), out.SetBodyBytes(e.Answer)))
	answers := in.Route.Operation.Responses
	answer := answers.Status(e.Status)
	if answer == nil {
		answer = answers.Default()
	}
	if answer == nil || answer.Value == nil {
		return what
	}
	if media := answer.Value.Content.Get(e.Answered.Get("Content-Type")); media != nil && media.Schema != nil {
		what = append(what, strangeFields(side, media.Schema, e.Answer)...)
	}
	return what
}

// find gives the operation of a call, the one with the most fixed segments
// where several fit, and the values in its path.
func (o *openAPI) find(r *http.Request) (*routers.Route, map[string]string) {
	var best *routers.Route
	var values map[string]string
	for pattern, item := range o.doc.Paths.Map() {
		op := item.GetOperation(r.Method)
		if op == nil {
			continue
		}
		args, fits := matchPath(o.baseOf(item)+pattern, r.URL.EscapedPath())
		if fits && (best == nil || len(args) < len(values)) {
			best = &routers.Route{Spec: o.doc, Path: pattern, PathItem: item, Method: r.Method, Operation: op}
			values = args
		}
	}
	return best, values
}

// baseOf gives what comes before a path: some paths have a server of their own.
func (o *openAPI) baseOf(item *openapi3.PathItem) string {
	if len(item.Servers) == 0 {
		return o.base
	}
	base, err := item.Servers[0].BasePath()
	if err != nil {
		return o.base
	}
	return strings.TrimSuffix(base, "/")
}

// matchPath compares an escaped path with a pattern and gives the arguments.
func matchPath(pattern, p string) (map[string]string, bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(p, "/")
	if len(want) != len(got) {
		return nil, false
	}
	args := map[string]string{}
	for i, w := range want {
		if !strings.HasPrefix(w, "{") {
			if w != got[i] {
				return nil, false
			}
			continue
		}
		plain, err := url.PathUnescape(got[i])
		if err != nil || plain == "" {
			return nil, false
		}
		args[strings.Trim(w, "{}")] = plain
	}
	return args, true
}

// strangeParameters lists what is in the query and the description does not
// know. An array's name may have brackets after it.
func strangeParameters(in *openapi3filter.RequestValidationInput) []string {
	var what []string
	known := slices.Concat(in.Route.PathItem.Parameters, in.Route.Operation.Parameters)
	for name := range in.Request.URL.Query() {
		plain, _, _ := strings.Cut(name, "[")
		if known.GetByInAndName(openapi3.ParameterInQuery, plain) == nil && known.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			what = append(what, fmt.Sprintf("request query %s: not in the description", name))
		}
	}
	return what
}

// flatten makes one line of each fault that the library found, without values.
func flatten(side string, err error) []string {
	var many openapi3.MultiError
	var request *openapi3filter.RequestError
	var answer *openapi3filter.ResponseError
	var schema *openapi3.SchemaError
	switch {
	case err == nil:
		return nil
	case asMulti(err, &many):
		var what []string
		for _, e := range many {
			what = append(what, flatten(side, e)...)
		}
		return what
	case is(err, &request) && request.Parameter != nil && request.Err != nil:
		return flatten(fmt.Sprintf("request %s %s", request.Parameter.In, request.Parameter.Name), request.Err)
	case is(err, &request) && request.Err != nil:
		return flatten("request body", request.Err)
	case is(err, &answer) && answer.Err != nil:
		return flatten(side, answer.Err)
	case is(err, &schema):
		return []string{side + " " + pointer(schema.JSONPointer()) + ": " + reason(schema)}
	default:
		return []string{side + ": " + err.Error()}
	}
}

// is reports whether err itself is a T, not what it wraps.
func is[T error](err error, into *T) bool {
	e, ok := err.(T) //nolint:errorlint // what is wrapped is looked at one step at a time
	if ok {
		*into = e
	}
	return ok
}

func asMulti(err error, into *openapi3.MultiError) bool {
	if is(err, into) {
		return true
	}
	var schema *openapi3.SchemaError
	if !is(err, &schema) || schema.Origin == nil {
		return false
	}
	return schema.SchemaField == "allOf" && errors.As(schema.Origin, into)
}

func reason(e *openapi3.SchemaError) string {
	if e.Reason == "" {
		return "does not fit " + e.SchemaField
	}
	return quoted.ReplaceAllString(e.Reason, "'…'")
}

// quoted is a value in the words of the library's validator for version 3.1.
var quoted = regexp.MustCompile(`'[^' ]*[^a-z_' ][^' ]*'`)

// pointer names a place in a document. Places in arrays and maps are all the
// same.
func pointer(keys []string) string {
	var b strings.Builder
	for _, k := range keys {
		if _, err := strconv.Atoi(k); err == nil {
			k = "*"
		}
		if variable.MatchString(k) {
			k = "*"
		}
		b.WriteString("/" + k)
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// variable is a name in a map, of a secret for example; fields are written in
// small letters.
var variable = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// shape leaves out of a path what looks like a name or an id.
func shape(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		if strings.ContainsAny(s, "0123456789%") && !version.MatchString(s) {
			segments[i] = "*"
		}
	}
	return strings.Join(segments, "/")
}

var version = regexp.MustCompile(`^v\d+$`)
