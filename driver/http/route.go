package http

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// ask makes a request out of declared settings. Each segment of the path is a
// parameter, so that rest refuses one that would lead elsewhere.
func ask(op, verb, path string, s estate.Settings) (rest.Request, error) {
	r := rest.Request{Op: op, Method: verb, Params: map[string]string{}, Safe: verb == http.MethodGet}
	plain, query, _ := strings.Cut(path, "?")
	r.On = plain
	var err error
	if r.Query, err = url.ParseQuery(query); err != nil || !strings.HasPrefix(path, "/") || strings.Contains(path, "#") {
		return r, invalid(r, "a path must begin with / and be escaped as in a URL")
	}
	segments := strings.Split(plain[1:], "/")
	for i, segment := range segments {
		if segment == "" {
			continue
		}
		name := strconv.Itoa(i)
		if r.Params[name], err = url.PathUnescape(segment); err != nil {
			return r, invalid(r, "a path must begin with / and be escaped as in a URL")
		}
		segments[i] = "{" + name + "}"
	}
	r.Path = "/" + strings.Join(segments, "/")
	header, why := headers(s.Map("headers"))
	if why != "" {
		return r, invalid(r, why)
	}
	r.Header = header
	return r, nil
}

func invalid(r rest.Request, why string) error {
	return &driver.Error{Op: r.Op, On: r.On, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why}
}

// carry gives the request a body of a type.
func carry(r *rest.Request, body secret.Value, kind string) error {
	if body.Empty() {
		return nil
	}
	kind = orElse(kind, defaultType)
	if strings.Contains(kind, "json") {
		valid := false
		err := body.Use(func(b []byte) error { valid = json.Valid(b); return nil })
		if err != nil || !valid {
			return invalid(*r, "the body is not JSON; in a template write {{json .value}}, without quotes around it")
		}
	}
	r.Raw = body
	r.Header.Set("Content-Type", kind)
	return nil
}
