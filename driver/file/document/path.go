package document

import (
	"strconv"
	"strings"
)

// route is a parsed path.
type route struct {
	document int // index of the YAML document, -1 for any
	segments []string
}

// parseRoute reads a path as the package comment describes it.
func parseRoute(f Format, path string) (route, error) {
	r, rest := route{document: -1}, path
	if f == YAML {
		r.document, rest = cutDocument(path)
	}
	var why string
	if strings.HasPrefix(rest, "/") {
		r.segments, why = parsePointer(rest)
	} else {
		r.segments, why = parseDotted(rest)
	}
	if why != "" {
		return r, &Error{Format: f, Path: path, Kind: ErrPath, Why: why}
	}
	if f == Dotenv || f == Properties {
		r.segments = []string{strings.Join(r.segments, ".")}
	}
	return r, nil
}

// cutDocument takes "1:" off the front of a path.
func cutDocument(path string) (int, string) {
	number, rest, ok := strings.Cut(path, ":")
	if i, isIndex := index(number); ok && isIndex {
		return i, rest
	}
	return -1, path
}

func parsePointer(path string) ([]string, string) {
	segments := strings.Split(path[1:], "/")
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for i, s := range segments {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(s), "~") {
			return nil, "a ~ in a JSON pointer is written ~0"
		}
		segments[i] = unescape.Replace(s)
	}
	return segments, ""
}

func parseDotted(path string) ([]string, string) {
	var segments []string
	for rest := path; ; rest = rest[1:] {
		segment, tail, why := cutSegment(rest)
		if why != "" {
			return nil, why
		}
		segments = append(segments, segment)
		if tail == "" {
			return segments, ""
		}
		if tail[0] != '.' {
			return nil, "a quoted segment must be followed by a dot"
		}
		rest = tail
	}
}

// cutSegment takes the first segment off a dotted path; tail is empty or
// starts at the dot.
func cutSegment(path string) (segment, tail, why string) {
	if strings.HasPrefix(path, `"`) {
		return cutQuoted(path)
	}
	end := strings.IndexByte(path, '.')
	if end < 0 {
		end = len(path)
	}
	segment = path[:end]
	if segment == "" {
		return "", "", "a segment of the path is empty"
	}
	if strings.Contains(segment, `"`) {
		return "", "", "a segment with a double quote in it must be quoted as a whole"
	}
	return segment, path[end:], ""
}

func cutQuoted(path string) (segment, tail, why string) {
	var b strings.Builder
	for i := 1; i < len(path); i++ {
		switch path[i] {
		case '"':
			return b.String(), path[i+1:], ""
		case '\\':
			i++
			if i == len(path) || (path[i] != '"' && path[i] != '\\') {
				return "", "", `after a backslash in a quoted segment only " or \ may follow`
			}
		}
		b.WriteByte(path[i])
	}
	return "", "", "a quoted segment has no closing quote"
}

// index reads a segment as a list index: digits without a leading zero.
func index(segment string) (int, bool) {
	if segment == "" || len(segment) > 9 || (segment[0] == '0' && len(segment) > 1) {
		return 0, false
	}
	for _, c := range []byte(segment) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	i, err := strconv.Atoi(segment)
	return i, err == nil
}
