package exec

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// call is one act that a program is asked for.
type call struct {
	act      string
	role     estate.Role
	target   driver.Target
	acts     bool // it changes something, so a lost reply is an unknown effect
	gives    bool // its reply has a value, so its standard error is not shown
	more     details
	value    secret.Parts
	oldValue secret.Parts
}

// details are what only some acts have.
type details struct {
	Name       string             `json:"name,omitempty"`
	Version    pawl.Version       `json:"version,omitempty"`
	Old        *driver.Credential `json:"old,omitempty"`
	Credential *driver.Credential `json:"credential,omitempty"`
	Activation string             `json:"activation,omitempty"`
	Receipt    *driver.Receipt    `json:"receipt,omitempty"`
	Since      time.Time          `json:"since,omitzero"`
	Resume     string             `json:"resume,omitempty"`
}

// request is a request without its values.
type request struct {
	Pawl   int               `json:"pawl"` // version of the protocol
	Act    string            `json:"act"`
	Role   estate.Role       `json:"role,omitempty"`
	Kind   string            `json:"kind,omitempty"`
	Target string            `json:"target,omitempty"`
	With   map[string]string `json:"with,omitempty"`
	details
}

// sent is a value of a request under its name there.
type sent struct {
	field, part string
	value       secret.Value
	bytes       bool // it is not UTF-8 text
}

func (c call) values(login secret.Value) []sent {
	own := secret.Parts{}
	if !login.Empty() {
		own = secret.One(login)
	}
	var list []sent
	for _, group := range []struct {
		field string
		parts secret.Parts
	}{{"login", own}, {"old_value", c.oldValue}, {"value", c.value}} {
		for _, part := range slices.Sorted(maps.Keys(group.parts)) {
			v := sent{field: group.field, part: part, value: group.parts[part]}
			_ = v.value.Use(func(b []byte) error { v.bytes = !utf8.Valid(b); return nil }) // a destroyed value fails when it is written
			list = append(list, v)
		}
	}
	return list
}

// encode writes the request. The caller clears what it gets.
func (c call) encode(lines bool, values []sent) ([]byte, error) {
	head, err := json.Marshal(request{Pawl: 1, Act: c.act, Role: c.role, Kind: c.target.Kind,
		Target: c.target.Settings.String("target"), With: c.target.Settings.Map("with"), details: c.more})
	if err != nil {
		return nil, err
	}
	if lines {
		return encodeLines(head, values)
	}
	return encodeJSON(head, values)
}

// room bounds what the values need when every byte is written as \u00xx. With
// it the buffer never grows, which would leave copies behind.
func room(head []byte, values []sent) int {
	n := 2*len(head) + 64
	for _, v := range values {
		n += 6*v.value.Len() + 2*len(v.field) + 6*len(v.part) + 32
	}
	return n
}

// encodeJSON adds the values to an object. Those that are not UTF-8 text go
// under the same name with _base64, because JSON cannot hold them.
func encodeJSON(head []byte, values []sent) ([]byte, error) {
	slices.SortStableFunc(values, func(a, b sent) int { return strings.Compare(a.jsonField(), b.jsonField()) })
	out := append(make([]byte, 0, room(head, values)), head[:len(head)-1]...)
	field := ""
	for _, v := range values {
		if v.jsonField() == field {
			out = append(out, ',')
		} else {
			out = fmt.Appendf(out, "%s,%q:{", ending(field), v.jsonField())
			field = v.jsonField()
		}
		out = append(appendQuoted(out, []byte(v.part)), ':')
		err := v.value.Use(func(b []byte) error {
			if !v.bytes {
				out = appendQuoted(out, b)
				return nil
			}
			out = append(base64.StdEncoding.AppendEncode(append(out, '"'), b), '"')
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	return append(append(out, ending(field)...), '}', '\n'), nil
}

func (v sent) jsonField() string {
	if v.bytes {
		return v.field + "_base64"
	}
	return v.field
}

// ending closes the object of a field.
func ending(field string) string {
	if field == "" {
		return ""
	}
	return "}"
}

// appendQuoted writes text as a JSON string, without making a string of it:
// that could not be cleared.
func appendQuoted(out, text []byte) []byte {
	out = append(out, '"')
	for _, b := range text {
		switch {
		case b == '"' || b == '\\':
			out = append(out, '\\', b)
		case b < 0x20:
			out = fmt.Appendf(out, `\u%04x`, b)
		default:
			out = append(out, b)
		}
	}
	return append(out, '"')
}

// The reasons for which a request cannot be written as lines.
var (
	errNUL  = errors.New("a value with a NUL byte cannot be sent as lines; use form: json")
	errName = errors.New("a name with = or a line break cannot be sent as lines; use form: json")
)

// encodeLines writes one name=text a line, with \\ for a backslash and \n for
// a line break.
func encodeLines(head []byte, values []sent) ([]byte, error) {
	var tree map[string]any
	d := json.NewDecoder(bytes.NewReader(head))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	out, err := flatten(make([]byte, 0, room(head, values)), "", tree)
	for _, v := range values {
		if err != nil {
			return out, err
		}
		err = v.value.Use(func(b []byte) (err error) {
			out, err = appendLine(out, v.field+"."+v.part, b)
			return err
		})
	}
	return out, err
}

func flatten(out []byte, prefix string, tree map[string]any) ([]byte, error) {
	var err error
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if below, ok := tree[key].(map[string]any); ok {
			out, err = flatten(out, prefix+key+".", below)
		} else {
			out, err = appendLine(out, prefix+key, fmt.Append(nil, tree[key]))
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func appendLine(out []byte, name string, text []byte) ([]byte, error) {
	if strings.ContainsAny(name, "=\n\x00") {
		return out, errName
	}
	out = append(append(out, name...), '=')
	for _, b := range text {
		switch b {
		case 0:
			return out, errNUL
		case '\\':
			out = append(out, '\\', '\\')
		case '\n':
			out = append(out, '\\', 'n')
		default:
			out = append(out, b)
		}
	}
	return append(out, '\n'), nil
}
