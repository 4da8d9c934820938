//go:build pkcs11

package keepers_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/internal/keepers"
)

// TestTokenNeedsItsPlace: the keeper itself is tested in its own package.
func TestTokenNeedsItsPlace(t *testing.T) {
	for uri, want := range map[string]string{
		"pkcs11:token=pawl;object=data":                                                        "module-path",
		"pkcs11:token=pawl;object=data?module-path=/none/p.so":                                 "pin-source",
		"pkcs11:token=pawl;object=data?module-path=/none/p.so&pin-source=file:/none/pin":       "/none/p.so",
		"pkcs11:token=pawl;object=data?module-path=/none/p.so&pin-source=/none/pin&pin-value=": "PIN",
	} {
		k, err := keepers.Open(t.Context(), uri, keepers.Env{})
		if err == nil || k != nil || !strings.Contains(err.Error()+pawl.HintOf(err), want) {
			t.Errorf("%s: %v", uri, err)
		}
	}
}
