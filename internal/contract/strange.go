package main

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// schemaOf gives the schema of a body, or nil.
func schemaOf(body *openapi3.RequestBodyRef, contentType string) *openapi3.SchemaRef {
	if body == nil || body.Value == nil {
		return nil
	}
	if media := body.Value.Content.Get(contentType); media != nil {
		return media.Schema
	}
	return nil
}

// strangeFields lists fields of a JSON document that its schema does not name.
// Schemas let any field pass; a field that nobody documents is still one that a
// stand-in may have invented, or that a vendor throws away.
func strangeFields(side string, schema *openapi3.SchemaRef, document []byte) []string {
	var v any
	if len(document) == 0 || json.Unmarshal(document, &v) != nil {
		return nil
	}
	found := map[string]bool{}
	strange([]*openapi3.Schema{schema.Value}, v, nil, found)
	what := make([]string, 0, len(found))
	for p := range found {
		what = append(what, side+" "+p+": not in the description")
	}
	sort.Strings(what)
	return what
}

// strange compares v with all schemas that may describe it.
func strange(schemas []*openapi3.Schema, v any, at []string, found map[string]bool) {
	schemas = parts(schemas, map[*openapi3.Schema]bool{})
	switch v := v.(type) {
	case map[string]any:
		strangeObject(schemas, v, at, found)
	case []any:
		var items []*openapi3.Schema
		for _, s := range schemas {
			if s.Items != nil {
				items = append(items, s.Items.Value)
			}
		}
		for _, item := range v {
			strange(items, item, append(at, "0"), found)
		}
	}
}

func strangeObject(schemas []*openapi3.Schema, v map[string]any, at []string, found map[string]bool) {
	open := true // as long as no schema names any field
	for _, s := range schemas {
		open = open && len(s.Properties) == 0
	}
	for name, inner := range v {
		var of []*openapi3.Schema
		free := open
		for _, s := range schemas {
			if p := s.Properties[name]; p != nil {
				of = append(of, p.Value)
			} else if more := s.AdditionalProperties; more.Schema != nil {
				of = append(of, more.Schema.Value)
			} else if more.Has != nil && *more.Has {
				free = true
			}
		}
		here := append(at[:len(at):len(at)], name)
		if len(of) == 0 && !free {
			found[pointer(here)] = true
		} else if len(of) > 0 {
			strange(of, inner, here, found)
		}
	}
}

// parts adds the schemas that schemas are made of.
func parts(schemas []*openapi3.Schema, seen map[*openapi3.Schema]bool) []*openapi3.Schema {
	var all []*openapi3.Schema
	for _, s := range schemas {
		if s == nil || seen[s] {
			continue
		}
		seen[s] = true
		all = append(all, s)
		for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.AnyOf, s.OneOf} {
			for _, r := range refs {
				all = append(all, parts([]*openapi3.Schema{r.Value}, seen)...)
			}
		}
	}
	return all
}

func isForm(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}

// judgeForm holds a form to its schema. Names have brackets, as Stripe reads
// them: "a[b]=1" is a field of an object, "a[0]=1" and "a[]=1" an item of an
// array. The library reads one level of them only.
func judgeForm(schema *openapi3.SchemaRef, body []byte, in *openapi3filter.RequestValidationInput) []string {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return []string{"request body: is no form"}
	}
	root := map[string]any{}
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, v := range form[name] {
			plant(root, strings.Split(strings.ReplaceAll(name, "]", ""), "["), v)
		}
	}
	typed := retype([]*openapi3.Schema{schema.Value}, root)
	what := flatten("request body", schema.Value.VisitJSON(typed, openapi3.MultiErrors(), openapi3.VisitAsRequest()))
	again, err := json.Marshal(typed)
	if err != nil {
		return append(what, "request body: "+err.Error())
	}
	bare := *in.Options
	bare.ExcludeRequestBody = true
	rest := *in
	rest.Options = &bare
	what = append(what, flatten("request", openapi3filter.ValidateRequest(in.Request.Context(), &rest))...)
	return append(what, strangeFields("request body", schema, again)...)
}

// plant puts a value where its name says.
func plant(into map[string]any, name []string, value string) {
	if len(name) == 1 {
		into[name[0]] = value
		return
	}
	key := name[0]
	inner, _ := into[key].(map[string]any)
	if inner == nil {
		inner = map[string]any{}
		into[key] = inner
	}
	rest := name[1:]
	if rest[0] == "" {
		rest = append([]string{strconv.Itoa(len(inner))}, rest[1:]...)
	}
	plant(inner, rest, value)
}

// retype makes of texts what their schemas ask for.
func retype(schemas []*openapi3.Schema, v any) any {
	schemas = parts(schemas, map[*openapi3.Schema]bool{})
	switch v := v.(type) {
	case string:
		return retypeText(schemas, v)
	case map[string]any:
		for _, s := range schemas {
			if s.Type.Is("array") && s.Items != nil {
				return retypeArray(s.Items.Value, v)
			}
		}
		for name, inner := range v {
			var of []*openapi3.Schema
			for _, s := range schemas {
				if p := s.Properties[name]; p != nil {
					of = append(of, p.Value)
				} else if s.AdditionalProperties.Schema != nil {
					of = append(of, s.AdditionalProperties.Schema.Value)
				}
			}
			v[name] = retype(of, inner)
		}
	}
	return v
}

func retypeArray(items *openapi3.Schema, v map[string]any) any {
	list := make([]any, len(v))
	for i := range list {
		item, ok := v[strconv.Itoa(i)]
		if !ok {
			return v // the places have a hole: no array
		}
		list[i] = retype([]*openapi3.Schema{items}, item)
	}
	return list
}

func retypeText(schemas []*openapi3.Schema, v string) any {
	for _, s := range schemas {
		if s.Type.Is("boolean") && (v == "true" || v == "false") {
			return v == "true"
		}
		if s.Type.Is("integer") || s.Type.Is("number") {
			if n, err := strconv.ParseFloat(v, 64); err == nil {
				return n
			}
		}
	}
	return v
}
