package rest_test

import (
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

func sent(t *testing.T, r rest.Request) (body []byte, kind string) {
	t.Helper()
	f := &fake{answer: reply(200, "{}")}
	if _, err := client(f).Do(t.Context(), r, nil); err != nil {
		t.Fatal(err)
	}
	return f.bodies[0], f.seen[0].Header.Get("Content-Type")
}

func TestJSONBodies(t *testing.T) {
	r := post()
	long := strings.Repeat("long ", 500)
	r.JSON = map[string]any{"a": []any{secret.NewString(canaryValue), 1, nil, "t\"ext"}, "b\n": map[string]any{"v": secret.NewString(long)}, "c": []string{"x"}, "e": []any{}}
	body, kind := sent(t, r)
	var got any
	if err := json.Unmarshal(body, &got); err != nil || kind != "application/json" {
		t.Fatal(err, kind)
	}
	want := map[string]any{"a": []any{canaryValue, 1.0, nil, "t\"ext"}, "b\n": map[string]any{"v": long}, "c": []any{"x"}, "e": []any{}}
	if !reflect.DeepEqual(got, want) {
		t.Error("the body decodes to something else")
	}
}

func TestFormBodies(t *testing.T) {
	r := post()
	r.JSON, r.Form = nil, map[string]any{"a b": "x&y=z+", "value": secret.NewString(canaryValue + "\xff")}
	body, kind := sent(t, r)
	got, err := url.ParseQuery(string(body))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		t.Fatal(err, kind)
	}
	if want := (url.Values{"a b": {"x&y=z+"}, "value": {canaryValue + "\xff"}}); !reflect.DeepEqual(got, want) {
		t.Error("the form decodes to something else")
	}
}

func TestRawBodies(t *testing.T) {
	r := post()
	r.JSON, r.Raw = nil, secret.NewString("\x00raw\xff")
	r.Header = map[string][]string{"Content-Type": {"application/x-thing"}}
	if body, kind := sent(t, r); string(body) != "\x00raw\xff" || kind != "application/x-thing" {
		t.Errorf("sent %q as %s", body, kind)
	}
}

func FuzzJSONValue(f *testing.F) {
	f.Add(canaryValue)
	f.Add("\x7f\u2028é\x00")
	f.Fuzz(func(t *testing.T, v string) {
		if v == "" || strings.ToValidUTF8(v, "") != v {
			return // refused: TestBodiesThatCannotBeMade
		}
		r := post()
		r.JSON = []any{secret.NewString(v)}
		body, _ := sent(t, r)
		var got []string
		if err := json.Unmarshal(body, &got); err != nil || len(got) != 1 || got[0] != v {
			t.Fatal("the value did not survive")
		}
	})
}

func BenchmarkDo(b *testing.B) {
	f := &fake{answer: reply(200, `{"id":"7"}`)}
	c, r := client(f), post()
	var out struct{ ID string }
	b.ReportAllocs()
	for b.Loop() {
		f.seen, f.bodies = f.seen[:0], f.bodies[:0]
		if _, err := c.Do(b.Context(), r, &out); err != nil {
			b.Fatal(err)
		}
	}
}
