//go:build !pkcs11

package keepers_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/internal/keepers"
)

func TestTokensNeedTheTag(t *testing.T) {
	_, err := keepers.Open(t.Context(), "pkcs11:token=pawl;object=data", keepers.Env{})
	if pawl.CodeOf(err) != pawl.CodeUnsupported || !strings.Contains(pawl.HintOf(err), "-tags pkcs11") {
		t.Errorf("hint %q: %v", pawl.HintOf(err), err)
	}
}
