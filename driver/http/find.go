package http

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// parse reads an answer, keeping numbers as they are written.
func parse(body []byte) (any, bool) {
	var root any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return root, d.Decode(&root) == nil && !d.More()
}

// find gives the text at a place of a JSON document: names and indexes joined
// by dots, or [field=text] for the element of a list that has such a field.
// An object, a list and null are no text.
func find(root any, place string) (string, bool) {
	return scalar(at(root, place))
}

// at gives what stands at a place, nil if nothing does.
func at(root any, place string) any {
	here, ok := root, true
	for segment, rest, more := "", place, place != ""; more && ok; {
		segment, rest, more = cut(rest)
		here, ok = step(here, segment)
	}
	if !ok {
		return nil
	}
	return here
}

// cut takes the first segment off a place. Dots in brackets do not end it.
func cut(place string) (segment, rest string, more bool) {
	from := 0
	if strings.HasPrefix(place, "[") {
		from = max(strings.Index(place, "]"), 0)
	}
	i := strings.IndexByte(place[from:], '.')
	if i < 0 {
		return place, "", false
	}
	return place[:from+i], place[from+i+1:], true
}

func step(at any, segment string) (any, bool) {
	switch at := at.(type) {
	case map[string]any:
		below, ok := at[segment]
		return below, ok
	case []any:
		if inside, ok := strings.CutPrefix(segment, "["); ok {
			return pick(at, strings.TrimSuffix(inside, "]"))
		}
		i, err := strconv.Atoi(segment)
		if err != nil || i < 0 || i >= len(at) {
			return nil, false
		}
		return at[i], true
	default:
		return nil, false
	}
}

// pick finds the one element with a field of some text. Two are none: it
// cannot be told which is meant.
func pick(list []any, condition string) (any, bool) {
	field, want, _ := strings.Cut(condition, "=")
	var hit any
	n := 0
	for _, element := range list {
		if object, ok := element.(map[string]any); ok {
			if got, ok := scalar(object[field]); ok && got == want {
				hit = element
				n++
			}
		}
	}
	return hit, n == 1
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	default:
		return "", false
	}
}
