package orgs

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/envelope"
)

// Format says in which formats values are written and read.
type Format string

// The formats, in the order in which an application goes through them.
const (
	Legacy   Format = "legacy"   // writes the legacy format and reads both: an instance from before
	Both     Format = ""         // writes format 3 and reads both
	Envelope Format = "envelope" // writes format 3 and refuses all else, when nothing else is left
)

// Keys are the keys that values are sealed under, 32 bytes each.
type Keys struct {
	// Encryption is SECRETS_ENCRYPTION_KEY, 64 hexadecimal digits: what is
	// written is sealed under it, and it opens. A program that only reads does
	// without it.
	Encryption []byte
	// Decryption is SECRETS_DECRYPTION_KEYS, more keys that open, separated by
	// commas, the newest first.
	Decryption [][]byte
	// Format is ORGS_FORMAT.
	Format Format
}

// ReadKeys reads the keys from the environment. Its errors name variables and
// have no values.
func ReadKeys(getenv func(string) string) (Keys, error) {
	const one, more, format = "SECRETS_ENCRYPTION_KEY", "SECRETS_DECRYPTION_KEYS", "ORGS_FORMAT"
	encryption, err := readList(one, getenv(one))
	if err != nil {
		return Keys{}, err
	}
	k := Keys{Format: Format(getenv(format))}
	if k.Decryption, err = readList(more, getenv(more)); err != nil {
		return Keys{}, err
	}
	switch {
	case len(encryption) > 1:
		return Keys{}, fmt.Errorf("%s has %d keys: give one, and the others in %s", one, len(encryption), more)
	case len(encryption) == 1:
		k.Encryption = encryption[0]
	case len(k.Decryption) == 0:
		return Keys{}, fmt.Errorf("there is no key: set %s, or %s to read only", one, more)
	}
	if !slices.Contains([]Format{Legacy, Both, Envelope}, k.Format) {
		return Keys{}, fmt.Errorf("%s is neither legacy nor envelope nor empty", format)
	}
	return k, nil
}

func readList(name, list string) ([][]byte, error) {
	var keys [][]byte
	if list == "" {
		return nil, nil
	}
	for i, text := range strings.Split(list, ",") {
		key, err := hex.DecodeString(strings.TrimSpace(text))
		if err != nil || len(key) != 32 { // the library's error would quote a digit
			return nil, fmt.Errorf("%s: key %d is not 64 hexadecimal digits: openssl rand -hex 32 makes one", name, i+1)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// all lists the keys that open, the one that seals first.
func (k Keys) all() [][]byte {
	if k.Encryption == nil {
		return k.Decryption
	}
	return append([][]byte{k.Encryption}, k.Decryption...)
}

var errReadOnly = errors.New("there is no key to write with: set SECRETS_ENCRYPTION_KEY")

// sealer seals as the format says.
func (k Keys) sealer() (sealer, error) {
	switch {
	case k.Encryption == nil:
		return func(context.Context, *envelope.Column, string, string) ([]byte, error) { return nil, errReadOnly }, nil
	case k.Format == Legacy:
		return legacySealer(k.Encryption)
	}
	return func(ctx context.Context, c *envelope.Column, row, plain string) ([]byte, error) {
		return c.Seal(ctx, "", row, []byte(plain))
	}, nil
}

// legacySealer seals as the application did before it had package envelope:
// AES-256-GCM, as nonce, ciphertext and tag. Nothing binds such a value to its
// row, and nothing in it names its key.
func legacySealer(key []byte) (sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, _ *envelope.Column, _, plain string) ([]byte, error) {
		return gcm.Seal(nil, nil, []byte(plain), nil), nil
	}, nil
}
