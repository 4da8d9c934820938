package http

import (
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

// The kinds.
const (
	kindGet      = "get"
	kindWith     = "get_with_value"
	kindRequest  = "request"
	kindFixture  = "fixture"
	kindLog      = "log"
	kindPut      = "put"
	kindWatched  = "put_watched"
	kindReadable = "put_readable"
	kindList     = "list"
)

// activateRequest is the one activation.
const activateRequest = "request"

const (
	defaultAuthHeader = "Authorization"
	defaultAuthScheme = "Bearer"
	defaultStatus     = 200
	defaultType       = "application/json"
	checkWithin       = 5 * time.Minute
)

func spec() estate.Spec {
	return estate.Spec{
		Name:       "http",
		Title:      "HTTP services",
		Credential: estate.OptionalCredential,
		Connection: connection(),
		Kinds:      []estate.Kind{put(), watched(), readable(), loadKind(), get(), getWithValue(), request(), fixtureKind(), logKind(), listKind()},
	}
}

func connection() []estate.Field {
	return []estate.Field{
		{Name: "base", Type: estate.String, URL: true, Required: true, Example: "https://cp.example.com", Doc: "The URL in front of every path. User names and passwords in it are refused."},
		{Name: "auth_header", Type: estate.String, Default: defaultAuthHeader, Example: "X-Api-Key",
			Doc: "The header that carries the credential."},
		{Name: "auth_scheme", Type: estate.String, Default: defaultAuthScheme, Example: "none",
			Doc: "The word in front of the credential. `basic` encodes a credential of the form user:password; `none` sends it alone."},
		{Name: "headers", Type: estate.Map, Example: "{X-Tenant: acme}", Doc: "Headers of every request. Never a value."},
		text("probe_path", "/me", "A path whose GET succeeds when the credential is accepted. Without it a refused credential shows with the first request only.", false),
	}
}

func text(name, example, doc string, required bool) estate.Field {
	return estate.Field{Name: name, Type: estate.String, Required: required, Example: example, Doc: doc}
}

func pathField(example string) estate.Field {
	return text("path", example, "The path behind the connection's base, escaped as in a URL; a query may follow it. Never a value.", true)
}

func headersField() estate.Field {
	return estate.Field{Name: "headers", Type: estate.Map, Example: "{X-Tenant: acme}", Doc: "Further headers. Never a value."}
}

func method(name, fallback string, enum ...string) estate.Field {
	return estate.Field{Name: name, Type: estate.String, Default: fallback, Enum: enum, Doc: "The method."}
}

func writeFields(more ...estate.Field) []estate.Field {
	fields := []estate.Field{
		pathField("/settings/secrets"),
		method("method", "PUT", "PUT", "POST", "PATCH"),
		text("body", `{"key":"API_KEY","value":{{json .value}}}`, "Template of the body. `{{.value}}` is what the location is to hold, `{{json .value}}` the same as a JSON string with its quotes.", true),
		{Name: "content_type", Type: estate.String, Default: defaultType, Doc: "The body's type. A body that claims to be JSON and is not is never sent."},
		headersField(),
	}
	return append(append(fields, more...),
		text("activate_path", "/restart", "With `activate: request`, the path of the request.", false),
		method("activate_method", "POST", "POST", "PUT", "PATCH"),
		text("activate_body", `{"graceful":true}`, "With `activate: request`, the body, of type application/json. Never a value.", false))
}

func lookFields(what ...estate.Field) []estate.Field {
	fields := append([]estate.Field{text("get_path", "/settings/secrets", "The path whose GET tells what is there. 404 means that nothing is.", true)}, what...)
	return writeFields(append(fields,
		text("remove_path", "/settings/secrets/API_KEY", "The path of the request that takes the copy away. Without it a copy that was not there before cannot be undone.", false),
		method("remove_method", "DELETE", "DELETE", "POST", "PUT"))...)
}

func put() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindPut,
		Doc:      "A declared write to a place that tells nothing of what it holds. A check must show that it was taken.",
		Fields:   writeFields(),
		Identity: []string{"path"},
		Manual:   byHand(),
		Location: &estate.LocationFacts{Confirm: estate.ByNothing, Live: true, Activations: activations()}}
}

func watched() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindWatched,
		Doc: "A declared write to a place that tells something that changes when the value does: a digest, a counter, a time.",
		Fields: lookFields(text("watch", "secrets.[key=API_KEY].updated_at",
			"Where in the JSON answer of `get_path` that is: names and list indexes joined by dots; `[key=API_KEY]` finds the element of a list by a field of it.", true),
			estate.Field{Name: "holds", Type: estate.Map, Example: "{'secrets.[key=API_KEY].has_value': 'true'}",
				Doc: "What else must stand in that answer where a value is held: places and their texts. Without all of them nothing is there, also after a write that was answered well."}),
		Identity: []string{"path"},
		Given:    []string{"get_path"},
		Writes:   []string{"body"},
		Manual:   byHand(),
		Location: &estate.LocationFacts{Confirm: estate.ByDigest, Removable: true, Live: true, Activations: activations()}}
}

func readable() estate.Kind {
	return estate.Kind{Role: estate.RoleLocation, Name: kindReadable,
		Doc: "A declared write to a place that gives the value back.",
		Fields: lookFields(text("value_at", "data.value",
			"Where in the JSON answer of `get_path` the value is, written as for `watch` of `put_watched`. Without it the whole answer is the value.", false)),
		Identity: []string{"path"},
		Given:    []string{"get_path"},
		Writes:   []string{"body"},
		Manual:   byHand(),
		Location: &estate.LocationFacts{Confirm: estate.ByValue, Readable: true, Removable: true, Live: true, Activations: activations()}}
}

// typedHeaders are those of a request that a person makes, and expected what its
// answer must be. credential.header is a file that only its owner can read,
// with the header that carries the credential.
const (
	typedHeaders = "{{with .connection.credential}} -H @credential.header{{end}}{{range $name, $text := .headers}} -H {{sh $name \": \" $text}}{{end}}"
	expected     = "   # status {{with .status}}{{.}}{{else}}2xx{{end}}{{with .contains}}, with {{line .}} in the answer{{end}}{{with .lacks}}, without {{line .}} in the answer{{end}}{{range $place, $text := .json}}, {{line $place}} is {{line $text}}{{end}}"
)

// byHand is a declared write as a person makes it. Value and credential come
// from files that only their owner can read.
func byHand() estate.Manual {
	return estate.Manual{
		"put":           "curl -X {{.method}} {{sh .base .path}}" + typedHeaders + " -H {{sh \"Content-Type: \" .content_type}} --data-binary @body   # body, mode 0600: {{line .body}}",
		activateRequest: "curl -X {{.activate_method}} {{sh .base .activate_path}}" + typedHeaders + "{{with .activate_body}} --json {{sh .}}{{end}}",
	}
}

func activations() []estate.ActivationFact {
	return []estate.ActivationFact{{Kind: activateRequest, Doc: "A declared request that makes the consumers load the value. It is sent again when its answer was lost."}}
}

func expectFields(status estate.Field) []estate.Field {
	return []estate.Field{
		status,
		text("contains", `"ok"`, "Text that must be in the answer's body.", false),
		text("lacks", "unauthorized", "Text that must not be in the answer's body.", false),
		{Name: "json", Type: estate.Map, Example: "{status: ok, checks.0.state: up}",
			Doc: "What must stand in the answer's JSON: places, written as for `watch` of `put_watched`, and their texts."},
	}
}

func statusField(fallback any, doc string) estate.Field {
	return estate.Field{Name: "status", Type: estate.Integer, Default: fallback, Doc: doc}
}

func get() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindGet,
		Doc:      "A declared GET with the connection's credential, if it has one. An answer 4xx, or a success that is not the expected one, is a failed check. An outage (5xx, 429, no answer), a conflict and a redirect prove nothing and are tried again.",
		Fields:   append([]estate.Field{pathField("/health"), headersField()}, expectFields(statusField(defaultStatus, "The expected status."))...),
		Identity: []string{"path"},
		Check:    &estate.CheckFacts{Within: checkWithin},
		Manual:   estate.Manual{"check": "curl -i {{sh .base .path}}" + typedHeaders + expected}}
}

func getWithValue() estate.Kind {
	own := []estate.Field{
		{Name: "credential", Type: estate.Template, Example: "{{.user}}:{{.password}}",
			Doc: "Template over the secret's parts of what is sent. Without it the single part."},
		text("auth_header", "X-Api-Key", "The header that carries it; the connection's without it.", false),
		text("auth_scheme", "none", "The word in front of it; the connection's without it.", false),
	}
	fields := append([]estate.Field{pathField("/v1/me"), headersField()}, own...)
	return estate.Kind{Role: estate.RoleCheck, Name: kindWith,
		Doc:      "A declared GET that is sent with the secret's own value as the credential.",
		Fields:   append(fields, expectFields(statusField(defaultStatus, "The expected status."))...),
		Identity: []string{"path"},
		Check:    &estate.CheckFacts{TakesValue: true, Within: checkWithin},
		Manual:   estate.Manual{"check": "curl -i {{sh .base .path}} -H @value.header" + expected}}
}

func request() estate.Kind {
	fields := []estate.Field{
		pathField("/selftest"),
		method("method", "POST", "POST", "PUT", "PATCH", "DELETE", "GET"),
		text("body", `{"deep":true}`, "The body. Never a value.", false),
		{Name: "content_type", Type: estate.String, Default: defaultType, Doc: "The body's type."},
		headersField(),
	}
	return estate.Kind{Role: estate.RoleCheck, Name: kindRequest,
		Doc:      "A declared request that does something, such as a self-test, and is expected to succeed.",
		Fields:   append(fields, expectFields(statusField(nil, "The expected status; without it every 2xx."))...),
		Identity: []string{"method", "path"},
		Check:    &estate.CheckFacts{Acts: true, Within: checkWithin},
		Manual:   estate.Manual{"check": "curl -i -X {{.method}} {{sh .base .path}}" + typedHeaders + "{{with .body}} -H {{sh \"Content-Type: \" $.content_type}} --data-binary {{sh .}}{{end}}" + expected}}
}

func calls() []driver.Call {
	const declared = "whatever the service asks for"
	return []driver.Call{
		{Method: "GET", Path: "/{path}", Permission: declared, For: "checks get, get_with_value, log and fixture, discovery list, status_path of the activation request, looking at put_watched and put_readable, and probing by probe_path"},
		{Method: "PUT", Path: "/{path}", Permission: declared, For: "writing to every location, unless method says otherwise"},
		{Method: "POST", Path: "/{path}", Permission: declared, For: "activation request, of a location and of a consumer, and check request, unless their method says otherwise"},
		{Method: "DELETE", Path: "/{path}", Permission: declared, For: "undoing put_watched and put_readable, unless remove_method says otherwise"},
	}
}

const notes = `- {path} stands for any path: the estate declares it, and with it the requests that are made.
- A value is never part of a URL. Services log URLs; one that takes a secret in the path or the query cannot be served safely.
- Redirects are not followed: the credential goes to the declared host only.
- A body of type application/json must be JSON once the value is in it. Write {{json .value}} without quotes around it.
- A write that was answered with 5xx, or not at all, may have happened. Pawl then looks again where it can, and writes again: declare only
  requests that may be made twice.
- The answer 401 means that the connection's own credential is refused. With get_with_value it is a failed check instead: the value is refused.
`
