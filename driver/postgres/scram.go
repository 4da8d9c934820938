package postgres

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/pawlhq/pawl/secret"
)

const (
	scramRounds = 4096 // SCRAM_SHA_256_DEFAULT_ITERATIONS of the server's sources
	scramSalt   = 16   // SCRAM_DEFAULT_SALT_LEN
)

// verifier makes what the server keeps of a password, in the form of
// pg_authid.rolpassword, which CREATE ROLE and ALTER ROLE take as it is: so the
// password itself never reaches the server, nor its log.
//
//	SCRAM-SHA-256$<rounds>:<salt>$<StoredKey>:<ServerKey>
//
// The keys are those of RFC 5802. Only printable ASCII is taken, which the
// normalization of passwords (SASLprep) leaves as it is.
func verifier(password secret.Value, random io.Reader) (string, error) {
	salt := make([]byte, scramSalt)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", fmt.Errorf("draw a salt: %w", err)
	}
	var text string
	err := password.Use(func(b []byte) error {
		for _, c := range b {
			if c < ' ' || c > '~' {
				return fmt.Errorf("the password must be printable ASCII")
			}
		}
		salted, err := pbkdf2.Key(sha256.New, string(b), salt, scramRounds, sha256.Size)
		if err != nil {
			return err
		}
		stored := sha256.Sum256(mac(salted, "Client Key"))
		base := base64.StdEncoding
		text = fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramRounds, base.EncodeToString(salt),
			base.EncodeToString(stored[:]), base.EncodeToString(mac(salted, "Server Key")))
		return nil
	})
	return text, err
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = m.Write([]byte(text)) // a hash takes everything
	return m.Sum(nil)
}
