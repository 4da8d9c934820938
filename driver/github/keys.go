package github

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/secret"
)

// keyLife is how long a public key is kept. GitHub tells of no lifetime; a
// key that it no longer takes is answered with 422 and fetched anew.
const keyLife = 10 * time.Minute

// publicKey is the key under which a secret of one repository, environment or
// organisation must be sealed.
type publicKey struct {
	id  string
	key [32]byte
}

// UnmarshalJSON reads GitHub's answer. GitHub Enterprise Servers have given
// the id as a number; both forms are taken.
func (k *publicKey) UnmarshalJSON(b []byte) error {
	var wire struct {
		KeyID json.RawMessage `json:"key_id"`
		Key   []byte          `json:"key"` // base64
	}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	if err := json.Unmarshal(wire.KeyID, &k.id); err != nil {
		k.id = string(wire.KeyID)
	}
	if k.id == "" || k.id == "null" || len(wire.Key) != len(k.key) {
		return errors.New("the public key is not one of 32 bytes with an id")
	}
	copy(k.key[:], wire.Key)
	return nil
}

// seal encrypts v so that only GitHub can read it: a libsodium sealed box in
// base64, as GitHub's "Encrypting secrets for the REST API" asks.
func (k *publicKey) seal(v secret.Value, rand io.Reader) (string, error) {
	var sealed string
	err := v.Use(func(b []byte) error {
		boxed, err := box.SealAnonymous(nil, b, &k.key, rand)
		sealed = base64.StdEncoding.EncodeToString(boxed)
		return err
	})
	return sealed, err
}

// keyring keeps public keys by the path they came from. It is safe for
// concurrent use.
type keyring struct {
	now  pawl.Clock
	mu   sync.Mutex
	held map[string]heldKey
}

type heldKey struct {
	key   *publicKey
	until time.Time
}

func newKeyring(now pawl.Clock) *keyring {
	return &keyring{now: now, held: make(map[string]heldKey)}
}

// get gives a key that was fetched a short time ago, or nil.
func (r *keyring) get(path string) *publicKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.held[path]
	if !r.now().Before(h.until) {
		delete(r.held, path)
		return nil
	}
	return h.key
}

func (r *keyring) put(path string, k *publicKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[path] = heldKey{key: k, until: r.now().Add(keyLife)}
}

func (r *keyring) drop(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, path)
}
