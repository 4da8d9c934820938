package stripe

import (
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// form is a body of /v1: form-encoded, with lists as name[0]= or name[]= and
// dictionaries as name[key]=.
type form url.Values

// read gives the body, or answers. names are the parameters that the
// description has; none takes every parameter.
func read(c *route.Call, names ...string) (form, bool) {
	kind, _, err := mime.ParseMediaType(c.R.Header.Get("Content-Type"))
	raw, broken := c.Raw()
	if len(raw) == 0 && broken == nil {
		return form{}, true
	}
	values, bad := url.ParseQuery(string(raw))
	if err != nil || kind != "application/x-www-form-urlencoded" || broken != nil || bad != nil {
		fail(c, http.StatusBadRequest, problem{Message: "Invalid request body: the parameters of this API are form-encoded."})
		return nil, false
	}
	f := form(values)
	for _, key := range slices.Sorted(maps.Keys(f)) {
		name, _, _ := strings.Cut(key, "[")
		if len(names) > 0 && name != "expand" && !slices.Contains(names, name) {
			wrong(c, name, "parameter_unknown", "Received unknown parameter: "+name)
			return nil, false
		}
	}
	return f, true
}

// text gives one parameter.
func (f form) text(name string) (string, bool) {
	v, ok := f[name]
	if !ok {
		return "", false
	}
	return v[0], true
}

// truth reads a boolean; ok is false for what is none.
func (f form) truth(name string) (yes, ok bool) {
	text, given := f.text(name)
	return text == "true", !given || text == "true" || text == "false"
}

// list gives the elements in the order of their numbers.
func (f form) list(name string) []string {
	all := slices.Clone(f[name+"[]"])
	for i := 0; ; i++ {
		v, ok := f.text(name + "[" + strconv.Itoa(i) + "]")
		if !ok {
			return all
		}
		all = append(all, v)
	}
}

// dict gives a dictionary.
func (f form) dict(name string) map[string]string {
	d := map[string]string{}
	for key, v := range f {
		if inner, ok := strings.CutPrefix(key, name+"["); ok && strings.HasSuffix(inner, "]") {
			d[strings.TrimSuffix(inner, "]")] = v[0]
		}
	}
	return d
}

// tag changes metadata as a call asks: an empty text takes a key away, an
// empty metadata all of them ("Metadata": at most 50 keys of 40 characters,
// texts of 500). It answers when it cannot.
func tag(c *route.Call, metadata map[string]string, f form) bool {
	if text, ok := f.text("metadata"); ok && text == "" {
		clear(metadata)
	}
	for key, text := range f.dict("metadata") {
		switch {
		case len([]rune(key)) > 40 || len([]rune(text)) > 500:
			wrong(c, "metadata", "", "Metadata keys can have up to 40 characters and values up to 500.")
			return false
		case text == "":
			delete(metadata, key)
		default:
			metadata[key] = text
		}
	}
	if len(metadata) > 50 {
		wrong(c, "metadata", "", "Metadata can have at most 50 keys.")
		return false
	}
	return true
}
