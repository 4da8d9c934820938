//go:build !pkcs11

package keepers

import (
	"context"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/pkcs11"
)

// openToken says that this program cannot: tokens need cgo.
func openToken(_ context.Context, uri string) (envelope.Keeper, error) {
	u, err := pkcs11.ParseURI(uri)
	if err != nil {
		return nil, err
	}
	return nil, &pawl.Error{Code: pawl.CodeUnsupported, Op: "open the token", On: u.KeyID(), Why: "this pawl was built without PKCS#11",
		Next: "CGO_ENABLED=1 go build -tags pkcs11 ./cmd/pawl"}
}
