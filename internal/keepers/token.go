//go:build pkcs11

package keepers

import (
	"bytes"
	"context"
	"os"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/pkcs11"
)

// openToken opens a key in a token. The PIN is read at each login.
func openToken(ctx context.Context, uri string) (envelope.Keeper, error) {
	u, err := pkcs11.ParseURI(uri)
	if err != nil {
		return nil, err
	}
	path, _ := strings.CutPrefix(u.PINSource, "file:")
	if u.Module == "" || path == "" {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "open the token", On: u.KeyID(), Why: "the URI lacks module-path or pin-source",
			Next: "add ?module-path=LIBRARY&pin-source=file:PATH"}
	}
	return orNil(pkcs11.Open(ctx, u, func(context.Context) (string, error) {
		b, err := os.ReadFile(path)
		defer clear(b)
		return string(bytes.TrimSpace(b)), err
	}))
}
