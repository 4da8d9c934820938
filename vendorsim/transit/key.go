package transit

import (
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/internal/keymaterial"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// The types of keys. Of the real ones AES256 alone is here, and RSA as one
// that takes no associated data; it encrypts nothing here.
const (
	AES256 = "aes256-gcm96"
	RSA    = "rsa-4096"
)

// key is a named key with its versions, the first of which is 1.
type key struct {
	kind     string
	versions []cipher.AEAD
	raw      []string
	least    int // min_decryption_version
}

// request is the fields of all calls.
type request struct {
	Plaintext      string `json:"plaintext"`
	Ciphertext     string `json:"ciphertext"`
	AssociatedData string `json:"associated_data"`
	Type           string `json:"type"`
	Least          int    `json:"min_decryption_version"`
}

// operations are the calls, by the label that they have.
func operations() map[string]func(*Transit, *route.Call, string, request) {
	return map[string]func(*Transit, *route.Call, string, request){
		"encrypt": (*Transit).encrypt,
		"decrypt": (*Transit).decrypt,
		"rewrap":  (*Transit).rewrap,
		"rotate":  func(t *Transit, c *route.Call, name string, _ request) { t.change(c, name, t.rotate) },
		"config": func(t *Transit, c *route.Call, name string, in request) {
			t.change(c, name, func(k *key) { k.least = in.Least })
		},
		"keys": func(t *Transit, c *route.Call, name string, in request) {
			if t.keys[name] == nil {
				t.make(name, in.Type)
			}
			c.JSON(http.StatusOK, map[string]any{})
		},
	}
}

// AddKey makes a key of a type.
func (t *Transit) AddKey(name, kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.make(name, kind)
}

// DeleteKey deletes a key, and with it all that was encrypted under it.
func (t *Transit) DeleteKey(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.keys, name)
}

// Rotate gives a key a new version.
func (t *Transit) Rotate(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rotate(t.keys[name])
}

// SetLeast sets a key's min_decryption_version.
func (t *Transit) SetLeast(name string, version int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys[name].least = version
}

// Issued gives every token and raw key, as the strings that a leak search
// looks for.
func (t *Transit) Issued() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []string
	for token := range t.tokens {
		all = append(all, token)
	}
	for _, k := range t.keys {
		all = append(all, k.raw...)
	}
	return all
}

func (t *Transit) make(name, kind string) *key {
	if kind == "" {
		kind = AES256
	}
	k := &key{kind: kind, least: 1}
	t.keys[name] = k
	t.rotate(k)
	return k
}

func (t *Transit) rotate(k *key) {
	aead, raw := keymaterial.New(t.cfg.Rand)
	k.versions, k.raw = append(k.versions, aead), append(k.raw, raw)
}

func (t *Transit) random(n int) []byte { return keymaterial.Random(t.cfg.Rand, n) }

func (t *Transit) change(c *route.Call, name string, do func(*key)) {
	k := t.keys[name]
	if k == nil {
		fail(c, http.StatusBadRequest, "no existing key named "+name+" could be found")
		return
	}
	do(k)
	c.JSON(http.StatusOK, map[string]any{})
}

func (t *Transit) encrypt(c *route.Call, name string, in request) {
	plain, err := base64.StdEncoding.DecodeString(in.Plaintext)
	if err != nil {
		fail(c, http.StatusBadRequest, err.Error())
		return
	}
	k := t.keys[name]
	if k == nil { // the token has create
		k = t.make(name, "")
	}
	aad, why := t.data(k, in.AssociatedData)
	if why != "" {
		fail(c, http.StatusBadRequest, why)
		return
	}
	t.answerCiphertext(c, k, plain, aad)
}

func (t *Transit) answerCiphertext(c *route.Call, k *key, plain, aad []byte) {
	nonce := t.random(12)
	version := len(k.versions)
	body := k.versions[version-1].Seal(nonce, nonce, plain, aad)
	c.JSON(http.StatusOK, map[string]any{"data": map[string]any{"key_version": version,
		"ciphertext": fmt.Sprintf("vault:v%d:%s", version, base64.StdEncoding.EncodeToString(body))}})
}

// data decodes associated data, where the key's type takes it.
func (t *Transit) data(k *key, text string) (aad []byte, why string) {
	if text == "" || t.cfg.IgnoresData {
		return nil, ""
	}
	if k.kind != AES256 {
		return nil, "'[0].associated_data' provided for non-AEAD cipher suite " + k.kind
	}
	aad, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, "unable to get associated_data/additional_data from factory[0]: " + err.Error()
	}
	return aad, ""
}

func (t *Transit) decrypt(c *route.Call, name string, in request) {
	k := t.keys[name]
	switch {
	case in.Ciphertext == "":
		fail(c, http.StatusBadRequest, "missing ciphertext to decrypt")
		return
	case k == nil:
		fail(c, http.StatusBadRequest, "encryption key not found")
		return
	}
	aad, why := t.data(k, in.AssociatedData)
	var plain []byte
	if why == "" {
		plain, why = k.open(in.Ciphertext, aad)
	}
	if why != "" {
		fail(c, http.StatusBadRequest, why)
		return
	}
	c.JSON(http.StatusOK, map[string]any{"data": map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)}})
}

func (t *Transit) rewrap(c *route.Call, name string, in request) {
	k := t.keys[name]
	if k == nil {
		fail(c, http.StatusBadRequest, "encryption key not found")
		return
	}
	plain, why := k.open(in.Ciphertext, nil)
	if why != "" {
		fail(c, http.StatusBadRequest, why)
		return
	}
	t.answerCiphertext(c, k, plain, nil)
}

// open decrypts as keysutil's Policy does, with its words.
func (k *key) open(text string, aad []byte) (plain []byte, why string) {
	rest, ok := strings.CutPrefix(text, "vault:v")
	if !ok {
		return nil, "invalid ciphertext: no prefix"
	}
	number, rest, ok := strings.Cut(rest, ":")
	if !ok {
		return nil, "invalid ciphertext: wrong number of fields"
	}
	version, err := strconv.Atoi(number)
	if err != nil {
		return nil, "invalid ciphertext: version number could not be decoded"
	}
	if version == 0 {
		version = 1
	}
	if version < 0 || version > len(k.versions) {
		return nil, "invalid ciphertext: version is too new"
	}
	if version < k.least {
		return nil, "ciphertext or signature version is disallowed by policy (too old)"
	}
	raw, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		return nil, "invalid ciphertext: could not decode base64"
	}
	if len(raw) < 12 {
		return nil, "invalid ciphertext length"
	}
	plain, err = k.versions[version-1].Open(nil, raw[:12], raw[12:], aad)
	if err != nil {
		return nil, "cipher: message authentication failed"
	}
	return plain, ""
}
