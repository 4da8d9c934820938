package estate

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/secret"
)

// Render makes the bytes that a location is to hold.
//
// Where accepted is nil the location presents the value: the template sees
// the parts of current by name, {{.user}}. Otherwise it accepts: the template
// sees .all, the versions that must be accepted, oldest first; .new, the last
// of them; and .old, the one before, which is empty when there is only one.
// Each is the value itself or, for a secret of several parts, the parts by
// name.
//
// An empty template writes the single part as it is, and all accepted ones
// with commas between. An empty result is an error, and no error says
// anything of the values. The template was checked when the estate was
// loaded; one that was not is checked here. It is safe for concurrent use.
func Render(tmpl string, current secret.Parts, accepted []secret.Parts) (secret.Value, error) {
	if tmpl == "" {
		return renderPlain(current, accepted)
	}
	data, err := dataOf(current, accepted)
	if err != nil {
		return secret.Value{}, err
	}
	t, bad := compile(tmpl, functions())
	if bad != nil {
		return secret.Value{}, renderError(bad)
	}
	b, bad := t.execute(data)
	if bad != nil {
		return secret.Value{}, renderError(bad)
	}
	if len(b) == 0 {
		return secret.Value{}, renderError(&flaw{"the result is empty, and an empty value is never written", "check the parts that the template uses"})
	}
	return secret.New(b), nil
}

func renderError(f *flaw) error {
	return &pawl.Error{Code: pawl.CodeInvalid, Op: "render", Why: f.why, Next: f.hint}
}

// renderPlain writes single parts without a template.
func renderPlain(current secret.Parts, accepted []secret.Parts) (secret.Value, error) {
	if accepted == nil {
		v, bad := single(current)
		if bad != nil {
			return secret.Value{}, renderError(bad)
		}
		return v, nil
	}
	var all []byte
	for i, parts := range accepted {
		v, bad := single(parts)
		if bad != nil {
			return secret.Value{}, renderError(bad)
		}
		if i > 0 {
			all = append(all, ',')
		}
		if err := v.Use(func(b []byte) error { all = append(all, b...); return nil }); err != nil {
			return secret.Value{}, err
		}
	}
	if len(all) == 0 {
		return secret.Value{}, renderError(&flaw{"there is no version to accept", "an empty value is never written"})
	}
	return secret.New(all), nil
}

// single gives the part that is written when no template says what is.
func single(parts secret.Parts) (secret.Value, *flaw) {
	v, ok := parts[secret.Single]
	if len(parts) == 1 {
		for _, v = range parts {
			ok = true
		}
	}
	switch {
	case !ok:
		return v, &flaw{"the secret has several parts and nothing says how to write them", "add render: with a template"}
	case v.Empty():
		return v, &flaw{"the value is empty, and an empty value is never written", "check the version that was minted"}
	}
	return v, nil
}

// dataOf opens the values for a template. The strings live until the garbage
// collector takes them; text/template works on nothing else.
func dataOf(current secret.Parts, accepted []secret.Parts) (map[string]any, error) {
	if accepted == nil {
		texts, err := open(current)
		data := make(map[string]any, len(texts))
		for name, text := range texts {
			data[name] = text
		}
		return data, err
	}
	versions := make([]map[string]string, len(accepted))
	for i, parts := range accepted {
		var err error
		if versions[i], err = open(parts); err != nil {
			return nil, err
		}
	}
	return acceptedData(versions), nil
}

func open(parts secret.Parts) (map[string]string, error) {
	texts := make(map[string]string, len(parts))
	for name, v := range parts {
		if err := v.Use(func(b []byte) error { texts[name] = string(b); return nil }); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// acceptedData gives .all, .old and .new.
func acceptedData(versions []map[string]string) map[string]any {
	if len(versions) == 0 {
		return map[string]any{"all": []string{}, "old": "", "new": ""}
	}
	if len(versions[0]) > 1 {
		var old map[string]string
		if len(versions) > 1 {
			old = versions[len(versions)-2]
		}
		return map[string]any{"all": versions, "old": old, "new": versions[len(versions)-1]}
	}
	all := make([]string, len(versions))
	for i, v := range versions {
		for _, text := range v {
			all[i] = text
		}
	}
	old := ""
	if len(all) > 1 {
		old = all[len(all)-2]
	}
	return map[string]any{"all": all, "old": old, "new": all[len(all)-1]}
}

// execute runs a template. What text/template says of a failure can quote the
// data; only its kind gets out.
func (t *compiled) execute(data any) ([]byte, *flaw) {
	out := &capped{}
	err := t.Execute(out, data)
	if err == nil {
		return out.Bytes(), nil
	}
	clear(out.Bytes())
	if errors.Is(err, errTooLong) {
		return nil, &flaw{"the result is too long", "at most 256 KiB"}
	}
	missing := regexp.MustCompile(`map has no entry for key "(\w+)"`)
	if m := missing.FindStringSubmatch(err.Error()); m != nil && slices.Contains(t.uses, m[1]) {
		return nil, &flaw{"there is no part " + shown(m[1]), ""}
	}
	if strings.Contains(err.Error(), "can't evaluate field") {
		return nil, &flaw{"a part is a text and has no fields of its own", "write {{.part}}, with one name"}
	}
	return nil, &flaw{"the template cannot be carried out", "join takes a separator and .all; the other functions take one text"}
}

// capped keeps a template from writing without end.
type capped struct{ bytes.Buffer }

func (c *capped) Write(b []byte) (int, error) {
	if c.Len()+len(b) > maxRendered {
		return 0, errTooLong
	}
	return c.Buffer.Write(b)
}
