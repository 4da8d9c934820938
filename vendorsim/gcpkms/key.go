package gcpkms

import (
	"crypto/cipher"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strconv"

	"github.com/pawlhq/pawl/vendorsim/internal/keymaterial"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// The states of versions that are here (CryptoKeyVersionState).
const (
	Enabled  = "ENABLED"
	Disabled = "DISABLED"
)

// key is a symmetric key. The newest version is the primary one.
type key struct {
	name     string
	versions []*version
}

type version struct {
	aead  cipher.AEAD
	raw   string
	state string
}

// request has the fields of both calls. Checksums are decimal, and missing
// where the caller sends none.
type request struct {
	Plaintext, Ciphertext             []byte
	AdditionalAuthenticatedData       []byte
	PlaintextCrc32c, CiphertextCrc32c *string
	AdditionalAuthenticatedDataCrc32c *string
}

// Name is the resource name of a key in the project that documentation uses.
func Name(key string) string {
	return "projects/example-project/locations/europe-west3/keyRings/pawl/cryptoKeys/" + key
}

// AddKey makes a key of a resource name, with one version.
func (k *KMS) AddKey(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[name] = &key{name: name}
	k.rotate(k.keys[name])
}

// Rotate gives a key a new version, which is primary.
func (k *KMS) Rotate(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rotate(k.keys[name])
}

// SetState changes the state of all versions of a key.
func (k *KMS) SetState(name, state string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, v := range k.keys[name].versions {
		v.state = state
	}
}

// Issued gives all raw keys and tokens, as the strings that a leak search looks
// for.
func (k *KMS) Issued() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []string
	for token := range k.tokens {
		all = append(all, token)
	}
	for _, key := range k.keys {
		for _, v := range key.versions {
			all = append(all, v.raw)
		}
	}
	return all
}

func (k *KMS) rotate(to *key) {
	aead, raw := keymaterial.New(k.cfg.Rand)
	to.versions = append(to.versions, &version{aead: aead, raw: raw, state: Enabled})
}

func (k *KMS) random(n int) []byte { return keymaterial.Random(k.cfg.Rand, n) }

func crc(b []byte) string {
	return strconv.FormatUint(uint64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), 10)
}

// checked holds a field to the checksum that came with it, and answers
// otherwise. verified is what the answer says about it.
func (k *KMS) checked(c *route.Call, field string, b []byte, sum *string) (verified, ok bool) {
	if sum == nil || k.cfg.Unverified > 0 {
		return false, true
	}
	if *sum != crc(b) {
		fail(c, http.StatusBadRequest, "INVALID_ARGUMENT", "The checksum in field "+field+"_crc32c did not match the data in field "+field+".")
		return false, false
	}
	return true, true
}

// answered counts the answers that go wrong, and damages one that shall be.
func (k *KMS) answered(body []byte) []byte {
	k.cfg.Unverified = max(0, k.cfg.Unverified-1)
	if k.cfg.Corrupt == 0 {
		return body
	}
	k.cfg.Corrupt--
	bad := append([]byte{}, body...)
	bad[len(bad)/2] ^= 1
	return bad
}

// usable reports whether a version may be used, and answers otherwise.
func usable(c *route.Call, key *key, number int) bool {
	if v := key.versions[number-1]; v.state != Enabled {
		fail(c, http.StatusBadRequest, "FAILED_PRECONDITION", key.version(number)+" is not enabled, current state is: "+v.state+".")
		return false
	}
	return true
}

func (k *key) version(number int) string {
	return k.name + "/cryptoKeyVersions/" + strconv.Itoa(number)
}

func (k *KMS) encrypt(c *route.Call, key *key, in request) {
	plain, ok := k.checked(c, "plaintext", in.Plaintext, in.PlaintextCrc32c)
	if !ok {
		return
	}
	aad, ok := k.checked(c, "additional_authenticated_data", in.AdditionalAuthenticatedData, in.AdditionalAuthenticatedDataCrc32c)
	number := len(key.versions)
	if !ok || !usable(c, key, number) {
		return
	}
	// Google's ciphertexts are documented as opaque; the length of this one is
	// not fixed, so that nobody relies on it.
	header := append(binary.BigEndian.AppendUint16([]byte{0x0a}, uint16(number)), 0)
	header[3] = k.random(1)[0] % 16
	header = append(header, k.random(int(header[3]))...)
	nonce := k.random(12)
	body := key.versions[number-1].aead.Seal(append(header[:len(header):len(header)], nonce...), nonce, in.Plaintext, append(header[:len(header):len(header)], in.AdditionalAuthenticatedData...))
	c.JSON(http.StatusOK, map[string]any{"name": key.version(number), "ciphertextCrc32c": crc(body), "ciphertext": k.answered(body),
		"verifiedPlaintextCrc32c": plain, "verifiedAdditionalAuthenticatedDataCrc32c": aad, "protectionLevel": "SOFTWARE"})
}

func (k *KMS) decrypt(c *route.Call, key *key, in request) {
	if len(in.Ciphertext) == 0 {
		fail(c, http.StatusBadRequest, "INVALID_ARGUMENT", "The ciphertext is required.")
		return
	}
	if _, ok := k.checked(c, "ciphertext", in.Ciphertext, in.CiphertextCrc32c); !ok {
		return
	}
	if _, ok := k.checked(c, "additional_authenticated_data", in.AdditionalAuthenticatedData, in.AdditionalAuthenticatedDataCrc32c); !ok {
		return
	}
	number, header, body := key.parse(in.Ciphertext)
	if number > 0 && !usable(c, key, number) {
		return
	}
	if number > 0 {
		aad := append(header[:len(header):len(header)], in.AdditionalAuthenticatedData...)
		if plain, err := key.versions[number-1].aead.Open(nil, body[:12], body[12:], aad); err == nil {
			out := map[string]any{"plaintextCrc32c": crc(plain), "usedPrimary": number == len(key.versions), "protectionLevel": "SOFTWARE"}
			if k.cfg.Unverified > 0 {
				delete(out, "plaintextCrc32c")
			}
			out["plaintext"] = k.answered(plain)
			c.JSON(http.StatusOK, out)
			return
		}
	}
	fail(c, http.StatusBadRequest, "INVALID_ARGUMENT", "Decryption failed: verify that 'name' refers to the correct CryptoKey.")
}

// parse takes a ciphertext apart. number is 0 for what is none.
func (k *key) parse(b []byte) (number int, header, body []byte) {
	if len(b) < 4 || b[0] != 0x0a {
		return 0, nil, nil
	}
	n := 4 + int(b[3])
	number = int(binary.BigEndian.Uint16(b[1:]))
	if number < 1 || number > len(k.versions) || len(b) < n+12 {
		return 0, nil, nil
	}
	return number, b[:n], b[n:]
}
