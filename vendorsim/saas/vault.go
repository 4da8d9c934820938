package saas

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// seal encrypts under the machine's EncryptionKey: AES-256-GCM, the nonce in
// front.
func (p *process) seal(text string) ([]byte, error) {
	box, err := boxOf(p.env(EncryptionKey))
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, box.NonceSize())
	if _, err := io.ReadFull(p.cfg.Rand, nonce); err != nil {
		return nil, fmt.Errorf("make a nonce: %w", err)
	}
	return box.Seal(nonce, nonce, []byte(text), nil), nil
}

// keys are those that the machine opens rows with, the writing one first.
func (p *process) keys() []string {
	return append([]string{p.env(EncryptionKey)}, strings.Split(p.env(DecryptKeys), ",")...)
}

// open decrypts with any key that the machine has.
func (p *process) open(sealed []byte) (string, error) { return openWith(p.keys(), sealed) }

func openWith(keys []string, sealed []byte) (string, error) {
	for _, key := range keys {
		box, err := boxOf(key)
		if err != nil || len(sealed) < box.NonceSize() {
			continue
		}
		if text, err := box.Open(nil, sealed[:box.NonceSize()], sealed[box.NonceSize():], nil); err == nil {
			return string(text), nil
		}
	}
	return "", errors.New("no key opens the row")
}

func boxOf(key string) (cipher.AEAD, error) {
	raw, err := hex.DecodeString(key)
	if err != nil || len(raw) != 32 {
		return nil, errors.New("the encryption key is not 64 hex digits")
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// reencrypt rewrites every row under the machine's EncryptionKey and tells how
// many are left that are not.
func reencrypt(p *process, c *route.Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := 0
	for _, o := range p.orgs {
		for _, column := range []*[]byte{&o.databaseURL, &o.redisURL} {
			text, err := p.open(*column)
			if err == nil {
				*column, err = p.seal(text)
			}
			if err != nil {
				left++
			}
		}
	}
	c.JSON(http.StatusOK, map[string]any{"left": left})
}

// hexKey makes an encryption key.
func hexKey(r io.Reader) string {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(r, raw); err != nil {
		panic("saas: the source of randomness failed: " + err.Error())
	}
	return hex.EncodeToString(raw)
}
