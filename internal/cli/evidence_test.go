package cli

import (
	"strings"
	"testing"
)

func TestHeadFlagTakesWhatHeadPrints(t *testing.T) {
	hash := strings.Repeat("0f", 32)
	for text, ok := range map[string]bool{
		"0:" + hash: true, "42:" + hash: true, "42:" + strings.ToUpper(hash): true,
		"": false, "42": false, "42:": false, ":" + hash: false, "-1:" + hash: false,
		"42:" + hash[:62]: false, "42:" + hash + "00": false, "42:" + hash + " ": false, "x:" + hash: false, "42:" + strings.Repeat("0g", 32): false,
	} {
		var h headFlag
		err := h.Set(text)
		if (err == nil) != ok {
			t.Errorf("Set(%q): error %v, want one: %t", text, err, !ok)
		}
		if want := strings.ToLower(text); ok && h.String() != want {
			t.Errorf("Set(%q) is shown as %q", text, h.String())
		}
	}
}
