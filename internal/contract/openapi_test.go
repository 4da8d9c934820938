package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// call is an exchange with the shop that is as its description has it.
func call(method, uri, body string, status int, answer string) exchange {
	e := exchange{Simulator: "shop", Handler: "api", Method: method, Host: "api.shop.example", URI: uri, Status: status,
		Header: http.Header{"Authorization": {"Bearer k"}}, Body: []byte(body), Answered: http.Header{"Content-Type": {"application/json"}}, Answer: []byte(answer)}
	if body != "" {
		e.Header.Set("Content-Type", "application/json")
	}
	return e
}

func form(body string) exchange {
	e := call("POST", "/v1/forms", body, 200, "")
	e.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return e
}

func changed(e exchange, change func(*exchange)) exchange {
	change(&e)
	return e
}

func TestJudgesOpenAPI(t *testing.T) {
	shop, err := loadOpenAPI("testdata/shop.json", "/v1")
	if err != nil {
		t.Fatal(err)
	}
	show := func() exchange { return call("GET", "/v1/keys/7", "", 200, `{"id":"7"}`) }
	for _, c := range []struct {
		name string
		e    exchange
		want []string // how each line begins
	}{
		{"whole", call("POST", "/v1/keys", `{"name":"a"}`, 201, `{"id":"7","made":"2026-01-02T03:04:05Z","labels":[{"name":"x"}]}`), nil},
		{"no such call", call("GET", "/v1/nothing", "", 200, "{}"), []string{noSuchCall}},
		{"other base", call("GET", "/v2/keys/7", "", 200, `{"id":"7"}`), []string{noSuchCall}},
		{"a fixed path goes first", call("GET", "/v1/keys/own", "", 200, "{}"), nil},
		{"missing in the request", call("POST", "/v1/keys", `{}`, 201, `{"id":"7"}`), []string{"request body /name: property \"name\" is missing"}},
		{"of another type", call("POST", "/v1/keys", `{"name":7}`, 201, `{"id":"7"}`), []string{"request body /name: value must be a string"}},
		{"unknown in the request", call("POST", "/v1/keys", `{"name":"a","more":1}`, 201, `{"id":"7"}`), []string{"request body /more: not in the description"}},
		{"unknown in the query", call("GET", "/v1/keys/7?page=2", "", 200, `{"id":"7"}`), []string{"request query page: not in the description"}},
		{"wrong in the query", call("GET", "/v1/keys/7?limit=x", "", 200, `{"id":"7"}`), []string{"request query limit"}},
		{"missing in the answer", call("GET", "/v1/keys/7", "", 200, `{}`), []string{"answer 200 /id: property \"id\" is missing"}},
		{"no time", call("GET", "/v1/keys/7", "", 200, `{"id":"7","made":"yesterday"}`), []string{"answer 200 /made: string doesn't match the format"}},
		{"unknown in the answer", call("GET", "/v1/keys/7", "", 200, `{"id":"7","labels":[{"colour":"red"}]}`), []string{"answer 200 /labels/*/colour: not in the description"}},
		{"unknown status", call("GET", "/v1/keys/7", "", 204, ""), []string{"answer 204: status is not supported"}},
		{"no credential", changed(show(), func(e *exchange) { e.Header.Del("Authorization") }), []string{"request: security requirements failed"}},
		{"wrong scheme", changed(show(), func(e *exchange) { e.Header.Set("Authorization", "Basic k") }), []string{"request: security requirements failed"}},
		{"the answer is a fault's", changed(call("GET", "/v1/keys/7", "", 200, "garbage"), func(e *exchange) { e.Faulted = true }), nil},
		{"cut", changed(show(), func(e *exchange) { e.Status, e.Answer = 0, nil }), nil},
		{"written by hand and refused", changed(call("POST", "/v1/keys", `{}`, 201, `{"id":"7"}`), func(e *exchange) { e.ByHand, e.Status = true, 422 }), []string{"answer 422: status is not supported"}},
		{"written by hand and taken", changed(call("POST", "/v1/keys", `{}`, 201, `{"id":"7"}`), func(e *exchange) { e.ByHand = true }), []string{"request body /name"}},
		{"form", form("url=x&on=true&events[0]=paid&events[1]=refunded&metadata[a]=b"), nil},
		{"form with items", form("url=x&events[]=paid"), nil},
		{"wrong item of a form", form("url=x&events[0]=lost"), []string{"request body /events/*: value is not one of the allowed values"}},
		{"unknown in a form", form("url=x&colour=red"), []string{"request body /colour: not in the description"}},
		{"missing in a form", form("on=true"), []string{"request body /url: property \"url\" is missing"}},
		{"form with a hole", form("url=x&events[1]=paid"), []string{"request body /events: value must be an array"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got, err := shop.judge(c.e)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestNamesTheOperationWithoutValues(t *testing.T) {
	shop, err := loadOpenAPI("testdata/shop.json", "/v1")
	if err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]string{"/v1/keys/7": "GET /v1/keys/{id}", "/v1/nothing/a7": "GET /v1/nothing/*"} {
		if got, _, _ := shop.judge(call("GET", uri, "", 200, `{"id":"7"}`)); got != want {
			t.Errorf("%s is named %q, want %q", uri, got, want)
		}
	}
}
