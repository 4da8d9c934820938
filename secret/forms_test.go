package secret_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// canaryForms gives the ways in which a value could stand in a text.
func canaryForms(value string) map[string]string {
	b := []byte(value)
	marshalled, err := json.Marshal(value)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	inner := func(s string) string { return s[1 : len(s)-1] }
	return map[string]string{
		"plain":         value,
		"base64":        base64.StdEncoding.EncodeToString(b),
		"base64 raw":    base64.RawStdEncoding.EncodeToString(b),
		"base64url":     base64.URLEncoding.EncodeToString(b),
		"base64url raw": base64.RawURLEncoding.EncodeToString(b),
		"hex":           hex.EncodeToString(b),
		"hex upper":     strings.ToUpper(hex.EncodeToString(b)),
		"hex spaced":    fmt.Sprintf("% x", b),
		"query":         url.QueryEscape(value),
		"path":          url.PathEscape(value),
		"json":          inner(string(marshalled)),
		"go quoted":     inner(strconv.Quote(value)),
		"go ascii":      inner(strconv.QuoteToASCII(value)),
	}
}
