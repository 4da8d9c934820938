package controlplane

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// tokenPrefix is how the admin token of a tenant's platform begins. After it
// come the tenant's id, so that its row is found without opening all others,
// and what is secret.
const tokenPrefix = "mtadm_"

// newToken makes an admin token for the tenant with an id.
func newToken(random io.Reader, id string) (string, error) {
	b := make([]byte, 32)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("make an admin token: %w", err)
	}
	return tokenPrefix + strings.ReplaceAll(id, "-", "") + "_" + hex.EncodeToString(b), nil
}

// orgOf gives the id in an admin token, which is not proven yet.
func orgOf(token string) (string, bool) {
	rest, ok := strings.CutPrefix(token, tokenPrefix)
	digits, _, cut := strings.Cut(rest, "_")
	raw, err := hex.DecodeString(digits)
	if !ok || !cut || err != nil || len(raw) != 16 {
		return "", false
	}
	return dashed([16]byte(raw)), true
}

// newID makes a tenant's id, a UUID of version 4 (RFC 9562).
func newID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return dashed(b), nil
}

func dashed(b [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// same compares tokens in constant time, whatever their lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
