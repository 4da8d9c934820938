package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/pawlhq/pawl/secret"
)

var (
	errBase   = errors.New("not a base URL")
	errHeader = errors.New("not a header value")
)

// body encodes what is sent, and lists the values in it.
func (r *Request) body() (body []byte, contentType string, values []secret.Value, err error) {
	switch {
	case r.JSON != nil:
		body, values, err = encodeJSON(r.JSON)
		return body, "application/json", values, err
	case r.Form != nil:
		body, values, err = encodeForm(r.Form)
		return body, "application/x-www-form-urlencoded", values, err
	case !r.Raw.Empty():
		err = r.Raw.Use(func(b []byte) error { body = bytes.Clone(b); return nil })
		return body, "application/octet-stream", []secret.Value{r.Raw}, err
	default:
		return nil, "", nil, nil
	}
}

// encodeJSON encodes maps and slices of any, in which values may stand.
// Everything else is encoded by encoding/json.
func encodeJSON(v any) ([]byte, []secret.Value, error) {
	var out bytes.Buffer
	var values []secret.Value
	err := appendJSON(&out, v, &values)
	return out.Bytes(), values, err
}

func appendJSON(out *bytes.Buffer, v any, values *[]secret.Value) error {
	switch v := v.(type) {
	case secret.Value:
		*values = append(*values, v)
		return v.Use(func(b []byte) error { return appendPlain(out, string(b)) })
	case map[string]any:
		out.WriteByte('{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := appendPlain(out, key); err != nil {
				return err
			}
			out.WriteByte(':')
			if err := appendJSON(out, v[key], values); err != nil {
				return err
			}
		}
		out.WriteByte('}')
		return nil
	case []any:
		out.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := appendJSON(out, item, values); err != nil {
				return err
			}
		}
		out.WriteByte(']')
		return nil
	default:
		return appendPlain(out, v)
	}
}

func appendPlain(out *bytes.Buffer, v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		out.Write(b)
	}
	return err
}

// encodeForm encodes a form of texts and values.
func encodeForm(form map[string]any) ([]byte, []secret.Value, error) {
	fields := make(url.Values, len(form))
	var values []secret.Value
	for key, v := range form {
		switch v := v.(type) {
		case string:
			fields.Set(key, v)
		case secret.Value:
			values = append(values, v)
			if err := v.Use(func(b []byte) error { fields.Set(key, string(b)); return nil }); err != nil {
				return nil, nil, err
			}
		default:
			return nil, nil, fmt.Errorf("a form field is neither text nor value")
		}
	}
	return []byte(fields.Encode()), values, nil
}
