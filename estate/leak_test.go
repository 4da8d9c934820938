package estate_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl/estate"
)

// likely puts a prefix and what follows it together, so that this file holds
// nothing that looks like a credential.
func likely(prefix, rest string) string { return prefix + rest }

const tail = "Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z"

func TestRealValuesAreRefused(t *testing.T) {
	for name, value := range map[string]string{
		"stripe":      likely("sk_live_", tail),
		"github":      likely("ghp_", tail),
		"fly":         "FlyV1 " + likely("fm2_", tail),
		"aws":         likely("AKIA", "IOSFODNN7EXAMPLE"),
		"anthropic":   likely("sk-ant-", "api03-"+tail),
		"resend":      likely("re_", tail),
		"private key": "-----BEGIN RSA PRIV" + "ATE KEY-----",
		"url":         "postgres://app:" + tail + "@db.example.com/app",
		"token":       likely("eyJ", tail) + "." + likely("eyJ", tail) + "." + tail,
		"slack":       likely("xoxb-", "123456789012-"+tail),
	} {
		t.Run(name, func(t *testing.T) {
			for place, file := range map[string]string{
				"setting": "pawl: 1\nestate: a\nsecrets:\n  A: {never: '" + value + "'}\n",
				"comment": "pawl: 1\nestate: a # '" + value + "'\nsecrets: {A: {never: x}}\n",
				"key":     "pawl: 1\nestate: a\nsecrets: {A: {never: x}}\n'" + value + "': x\n",
			} {
				text := problems(t, "pawl.yaml", []byte(file)).Error()
				if !strings.Contains(text, "estates hold references, never values") {
					t.Errorf("%s: not refused: %s", place, text)
				}
				if strings.Contains(text, tail) || strings.Contains(text, value) {
					t.Errorf("%s: the value is in the problem", place)
				}
			}
		})
	}
}

// A name goes into many messages as it is.
func TestValueAsNameIsNotShown(t *testing.T) {
	name := likely("ghp_", tail)
	file := "pawl: 1\nestate: a\nenvironments: {e: {after: " + name + "}, " + name + ": }\nsecrets: {" + name + ": {environments: [e]}}\n"
	list := problems(t, "pawl.yaml", []byte(file))
	if len(list) < 4 || strings.Contains(list.Error(), tail) {
		t.Errorf("%d problems; shown: %v", len(list), strings.Contains(list.Error(), tail))
	}
}

// Texts that speak of credentials are not credentials.
func TestOrdinaryTextsAreAllowed(t *testing.T) {
	for _, text := range []string{
		"begins with sk_live_ or ghp_", "sk_live_…", "postgres://{{.user}}:{{.password}}@host/db", "postgres://${user}:${pass}@host/db",
		"postgres://user:****@host/db", "https://example.com/a:b@c", "re_export_of_some_other_thing_here", "AKIA is a prefix", "pre_ghp_x",
	} {
		file := "pawl: 1\nestate: a\nenvironments: {e: {vars: {user: x, pass: y}}}\nsecrets: {A: {environments: [e], never: '" + text + "'}}\n"
		if _, err := estate.Parse("pawl.yaml", []byte(file), drivers()); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPlaceOfALeak(t *testing.T) {
	file := "pawl: 1\nestate: a\nsecrets:\n  A: {never: \"é " + likely("ghp_", tail) + "\"}\n"
	list := problems(t, "pawl.yaml", []byte(file))
	if len(list) != 1 || list[0].Pos != (estate.Pos{File: "pawl.yaml", Line: 4, Column: 17}) {
		t.Errorf("problems: %v", list)
	}
}
