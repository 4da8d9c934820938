package exec

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// reply is what a program answered.
type reply struct {
	OK          bool                `json:"ok"`
	Error       *failure            `json:"error"`
	Credential  *driver.Credential  `json:"credential"`
	Credentials []driver.Credential `json:"credentials"`
	Value       map[string]text     `json:"value"`
	Base64      map[string]text     `json:"value_base64"`
	Verdict     string              `json:"verdict"`
	Exists      *bool               `json:"exists"`
	Revision    string              `json:"revision"`
	Digest      string              `json:"digest"`
	UpdatedAt   time.Time           `json:"updated_at"`
	State       string              `json:"state"`
	Done        *bool               `json:"done"`
	Detail      string              `json:"detail"`
	After       span                `json:"after"`
	Resume      string              `json:"resume"`
	Link        string              `json:"link"`
	Grants      []grant             `json:"grants"`
	Targets     []map[string]string `json:"targets"`

	call  call
	parts secret.Parts // of Value and Base64
}

type grant struct {
	Need   string `json:"need"`
	Has    string `json:"has"`
	Detail string `json:"detail"`
}

type failure struct {
	Kind       string `json:"kind"`
	Effect     string `json:"effect"`
	Why        string `json:"why"`
	Next       string `json:"next"`
	RetryAfter span   `json:"retry_after"`
}

// span is a duration, written "30s" or as a number of seconds.
type span time.Duration

// UnmarshalJSON reads a span.
func (s *span) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	if n, err := strconv.ParseFloat(text, 64); err == nil && n >= 0 && n < 1e9 {
		*s = span(n * float64(time.Second))
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errReply
	}
	*s = span(d)
	return nil
}

// text is a string of a reply that may be a value, as bytes.
type text []byte

// UnmarshalJSON reads a text.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	err := json.Unmarshal(b, &s)
	*t = text(s)
	return err
}

// errReply says that a reply is not what the protocol asks for. What is wrong
// with it is not said: the text around it could be a value.
var errReply = errors.New("the reply does not follow the protocol")

// decode reads a reply and clears out.
func decode(out []byte, lines bool) (*reply, error) {
	defer clear(out)
	r := &reply{}
	var err error
	if lines {
		err = decodeLines(out, r)
	} else {
		err = decodeJSON(out, r)
	}
	if err != nil || r.OK == (r.Error != nil) {
		return nil, errReply
	}
	return r, r.open()
}

// decodeJSON wants one object and nothing after it.
func decodeJSON(out []byte, r *reply) error {
	d := json.NewDecoder(bytes.NewReader(out))
	if err := d.Decode(r); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errReply
	}
	return nil
}

// open moves the values out of the reply.
func (r *reply) open() error {
	r.parts = make(secret.Parts, len(r.Value)+len(r.Base64))
	for part, v := range r.Value {
		r.parts[part] = secret.New(v)
	}
	for part, v := range r.Base64 {
		b := make([]byte, base64.StdEncoding.DecodedLen(len(v)))
		n, err := base64.StdEncoding.Decode(b, v)
		clear(v)
		if err != nil {
			return errReply
		}
		r.parts[part] = secret.New(b[:n])
	}
	r.Value, r.Base64 = nil, nil
	return nil
}

// decodeLines reads lines into the same form. Blank lines are passed over.
func decodeLines(out []byte, r *reply) error {
	tree := map[string]any{}
	values := map[string]text{}
	for line := range bytes.Lines(out) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if len(line) == 0 {
			continue
		}
		name, raw, ok := bytes.Cut(line, []byte("="))
		if !ok {
			return errReply
		}
		said, err := unescape(raw)
		if err != nil {
			return err
		}
		if part, ok := strings.CutPrefix(string(name), "value."); ok {
			values[part] = said
			continue
		}
		if err := plant(tree, strings.Split(string(name), "."), string(said)); err != nil {
			return err
		}
	}
	form, err := json.Marshal(listed(tree))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(form, r); err != nil {
		return err
	}
	r.Value = values
	return nil
}

// unescape undoes what appendLine does.
func unescape(raw []byte) (text, error) {
	out := make(text, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch {
		case i == len(raw):
			return nil, errReply
		case raw[i] == 'n':
			out = append(out, '\n')
		case raw[i] == '\\':
			out = append(out, '\\')
		default:
			return nil, errReply
		}
	}
	return out, nil
}

// plant puts a text at the place that its name tells.
func plant(tree map[string]any, name []string, said string) error {
	for _, segment := range name[:len(name)-1] {
		if tree[segment] == nil {
			tree[segment] = map[string]any{}
		}
		below, ok := tree[segment].(map[string]any)
		if !ok {
			return errReply
		}
		tree = below
	}
	last := name[len(name)-1]
	if _, twice := tree[last]; twice {
		return errReply
	}
	tree[last] = said
	if isTruth(last) {
		tree[last] = said == "true"
		if said != "true" && said != "false" {
			return errReply
		}
	}
	return nil
}

// isTruth names the fields of a reply that are true or false.
func isTruth(field string) bool {
	return field == "ok" || field == "exists" || field == "done" || field == "inactive"
}

// listed makes lists of the fields whose names have numbers: grants.0.need.
func listed(tree map[string]any) map[string]any {
	for _, field := range []string{"credentials", "grants", "targets"} {
		numbered, ok := tree[field].(map[string]any)
		if !ok {
			continue
		}
		list := []any{}
		for i := 0; numbered[strconv.Itoa(i)] != nil; i++ {
			list = append(list, numbered[strconv.Itoa(i)])
		}
		if len(list) == len(numbered) { // else a number is missing, and the object does not decode as a list
			tree[field] = list
		}
	}
	return tree
}

// malformed says what an otherwise fine reply lacks.
func (r *reply) malformed(why string) error {
	return &driver.Error{Op: r.call.op(), On: r.call.on(), Kind: driver.Malformed, Effect: r.call.lost(), Why: "the program's reply is incomplete: " + why}
}

// lost is the effect of an act whose reply is no use.
func (c call) lost() pawl.Effect {
	if c.acts {
		return pawl.EffectUnknown
	}
	return pawl.EffectNone
}

func (c call) op() string { return "run program to " + c.act }
func (c call) on() string { return c.target.Settings.String("target") }
