package estate

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// mark is how the secrets of some vendor begin, and how many characters must
// follow. Mixed ones are short words: they must begin a word, and what follows
// must have a digit and a capital letter, so that ordinary names are left alone.
type mark struct {
	text  string
	least int
	mixed bool
}

// marks are the published prefixes of credentials.
func marks() []mark {
	return []mark{
		{"sk_live_", 10, false}, {"sk_test_", 10, false}, {"rk_live_", 10, false}, {"rk_test_", 10, false}, {"whsec_", 16, false},
		{"ghp_", 16, false}, {"gho_", 16, false}, {"ghu_", 16, false}, {"ghs_", 16, false}, {"ghr_", 16, false}, {"github_pat_", 16, false},
		{"fm1_", 16, false}, {"fm2_", 16, false}, {"fo1_", 16, false},
		{"AKIA", 16, true}, {"ASIA", 16, true}, {"AIza", 30, true},
		{"xoxb-", 10, false}, {"xoxp-", 10, false}, {"xoxa-", 10, false}, {"xapp-", 10, false},
		{"sk-ant-", 10, false}, {"sk-proj-", 10, false}, {"napi_", 20, false}, {"re_", 20, true},
		{"glpat-", 16, false}, {"npm_", 30, true}, {"dop_v1_", 30, false}, {"hvs.", 20, true}, {"AGE-SECRET-KEY-", 20, false},
	}
}

const (
	keyBegin = "-----BEGIN "
	keyEnd   = "PRIVATE KEY"

	// lookAhead bounds how far one place is looked at: a file made of nothing
	// but prefixes must not take quadratic time.
	lookAhead = 512
)

// looksSecret reports whether a text holds what is very likely a real
// credential: a vendor's prefix with enough behind it, a private key, or a
// URL with a password.
func looksSecret(text string) bool { return len(leaks([]byte(text), 1)) > 0 }

// leaks gives the offsets of at most limit likely credentials.
func leaks(data []byte, limit int) []int {
	var found []int
	for _, m := range marks() {
		found = append(found, each(data, m.text, limit, m.matches)...)
	}
	found = append(found, each(data, keyBegin, limit, isPrivateKey)...)
	found = append(found, each(data, "://", limit, hasPassword)...)
	return append(found, each(data, "eyJ", limit, isToken)...)
}

// each finds the places of a text at which matches holds.
func each(data []byte, text string, limit int, matches func(data []byte, at int) bool) []int {
	var found []int
	for from := 0; len(found) < limit; {
		i := bytes.Index(data[from:], []byte(text))
		if i < 0 {
			break
		}
		if matches(data, from+i) {
			found = append(found, from+i)
		}
		from += i + len(text)
	}
	return found
}

func (m mark) matches(data []byte, at int) bool {
	if m.mixed && at > 0 && isWord(data[at-1]) {
		return false
	}
	var digit, capital bool
	n := 0
	rest := data[at+len(m.text):]
	for _, c := range rest[:min(len(rest), lookAhead)] {
		if !isWord(c) && !strings.ContainsRune("+/=-", rune(c)) {
			break
		}
		digit, capital = digit || '0' <= c && c <= '9', capital || 'A' <= c && c <= 'Z'
		n++
	}
	return n >= m.least && (!m.mixed || digit && capital)
}

func isPrivateKey(data []byte, at int) bool {
	const longest = 40 // the name of a kind of key
	rest := data[at+len(keyBegin):]
	return bytes.Contains(rest[:min(len(rest), longest)], []byte(keyEnd))
}

// hasPassword looks for "//user:password@" where the password is not made by
// a template or a variable.
func hasPassword(data []byte, at int) bool {
	rest := data[at+len("://"):]
	rest = rest[:min(len(rest), lookAhead)]
	if end := bytes.IndexAny(rest, "/ \t\r\n\"'<>"); end >= 0 {
		rest = rest[:end]
	}
	user, _, ok := bytes.Cut(rest, []byte("@"))
	_, password, two := bytes.Cut(user, []byte(":"))
	return ok && two && len(password) > 0 && !bytes.ContainsAny(password, "{}$*.…")
}

// isToken recognises a signed JSON token: its first two parts are JSON in
// base64, which begins like this, with a dot between.
func isToken(data []byte, at int) bool {
	if at > 0 && isWord(data[at-1]) {
		return false
	}
	end, last := at, min(len(data), at+lookAhead)
	for end < last && (isWord(data[end]) || data[end] == '-' || data[end] == '.') {
		end++
	}
	head, rest, _ := bytes.Cut(data[at:end], []byte("."))
	return len(head) > 10 && bytes.HasPrefix(rest, []byte("eyJ"))
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// leaked reports the likely credentials of a whole file.
func (d *decoder) leaked(data []byte) {
	for _, at := range leaks(data, printed) {
		d.failAt(d.offset(data, at), "name where it is found instead, such as credential: env:NAME, and treat this one as leaked if the file was shared",
			"this looks like a real secret value; estates hold references, never values")
	}
}

// offset turns a byte offset into a place.
func (d *decoder) offset(data []byte, at int) Pos {
	before, start := data[:at], 0
	for _, end := range lineEnds() {
		if i := bytes.LastIndex(before, []byte(end)); i >= 0 {
			start = max(start, i+len(end))
		}
	}
	return Pos{File: d.file, Line: countLines(before), Column: utf8.RuneCount(before[start:]) + 1}
}
