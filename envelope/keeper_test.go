package envelope_test

import (
	"bytes"
	"testing"

	"github.com/pawlhq/pawl/envelope/keepertest"
)

func TestKeyKeeperConforms(t *testing.T) {
	keepertest.Run(t, func(t *testing.T) keepertest.Subject {
		return keepertest.Subject{Keeper: newKeeper(t, 1), Again: newKeeper(t, 1), Other: newKeeper(t, 2), Hidden: []string{string(bytes.Repeat([]byte{1}, 32))}}
	})
}
