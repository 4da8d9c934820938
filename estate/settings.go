package estate

import (
	"maps"
	"time"
)

// With gives settings in which more stand in place of those of the same name.
// Neither s nor more is changed.
func (s Settings) With(more Settings) Settings {
	both := make(Settings, len(s)+len(more))
	maps.Copy(both, s)
	maps.Copy(both, more)
	return both
}

// String gives a text setting, "" when it is not set.
func (s Settings) String(name string) string {
	v, _ := s[name].(string)
	return v
}

// Bool gives a boolean setting.
func (s Settings) Bool(name string) bool {
	v, _ := s[name].(bool)
	return v
}

// Int gives an integer setting. Settings that came out of a pinned plan are
// JSON numbers; both forms are understood here and below.
func (s Settings) Int(name string) int {
	switch v := s[name].(type) {
	case int:
		return v
	case int64:
		return int(v)
	case float64:
		return int(v)
	default:
		return 0
	}
}

// Duration gives a duration setting.
func (s Settings) Duration(name string) time.Duration {
	switch v := s[name].(type) {
	case time.Duration:
		return v
	case int64:
		return time.Duration(v)
	case float64:
		return time.Duration(v)
	default:
		return 0
	}
}

// List gives a list setting.
func (s Settings) List(name string) []string {
	switch v := s[name].(type) {
	case []string:
		return v
	case []any:
		list := make([]string, 0, len(v))
		for _, item := range v {
			text, _ := item.(string)
			list = append(list, text)
		}
		return list
	default:
		return nil
	}
}

// Map gives a map setting.
func (s Settings) Map(name string) map[string]string {
	switch v := s[name].(type) {
	case map[string]string:
		return v
	case map[string]any:
		m := make(map[string]string, len(v))
		for key, item := range v {
			m[key], _ = item.(string)
		}
		return m
	default:
		return nil
	}
}
