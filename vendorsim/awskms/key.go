package awskms

import (
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/keymaterial"
)

// The states of keys that are here ("Key states of AWS KMS keys").
const (
	Enabled         = "Enabled"
	Disabled        = "Disabled"
	PendingDeletion = "PendingDeletion"
)

// key is a symmetric key with its key material, the newest last.
type key struct {
	arn, id, state string
	material       []cipher.AEAD
	raw            []string
	createdAt      time.Time
}

// AddKey makes a key and gives its ARN.
func (k *KMS) AddKey() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := hex.EncodeToString(k.random(16))
	id := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	made := &key{id: id, arn: "arn:aws:kms:" + Region + ":" + Account + ":key/" + id, state: Enabled, createdAt: k.cfg.Now()}
	k.keys[made.arn] = made
	k.rotate(made)
	return made.arn
}

// Rotate gives a key new key material, as a rotation on demand does.
func (k *KMS) Rotate(arn string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rotate(k.keys[arn])
}

// SetState changes a key's state.
func (k *KMS) SetState(arn, state string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[arn].state = state
}

// Issued gives all raw keys and secret access keys, as the strings that a leak
// search looks for.
func (k *KMS) Issued() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []string
	for _, key := range k.keys {
		all = append(all, key.raw...)
	}
	for _, who := range k.users {
		all = append(all, who.secret)
	}
	return all
}

func (k *KMS) rotate(to *key) {
	aead, raw := keymaterial.New(k.cfg.Rand)
	to.material, to.raw = append(to.material, aead), append(to.raw, raw)
}

func (k *KMS) random(n int) []byte { return keymaterial.Random(k.cfg.Rand, n) }

// find gives the key that a KeyId names: its id or its ARN.
func (k *KMS) find(name string) *key {
	for _, key := range k.keys {
		if key.arn == name || key.id == name {
			return key
		}
	}
	return nil
}

// The blob: its first byte, the key's id, 36 bytes, the number of the material,
// 2 bytes, a length and as much padding, a nonce of 12 bytes, ciphertext, tag.
// AWS does not publish its own; that its length is not fixed is what callers
// must live with.
const (
	blobMark   = 0x01
	blobHeader = 1 + 36 + 2 + 1
)

// seal encrypts under a key's newest material.
func (k *KMS) seal(with *key, plain []byte, context map[string]string) []byte {
	pad := k.random(1)[0] % 32
	out := append([]byte{blobMark}, with.id...)
	out = binary.BigEndian.AppendUint16(out, uint16(len(with.material)-1))
	out = append(append(out, pad), k.random(int(pad))...)
	nonce := k.random(12)
	aad := appendContext(slices.Clone(out), context)
	return with.material[len(with.material)-1].Seal(append(out, nonce...), nonce, plain, aad)
}

// open decrypts a blob; from is the key that it names, nil where there is none.
func (k *KMS) open(blob []byte, context map[string]string) (from *key, plain []byte, ok bool) {
	if len(blob) < blobHeader || blob[0] != blobMark {
		return nil, nil, false
	}
	if from = k.find(string(blob[1:37])); from == nil {
		return nil, nil, false
	}
	number, body := int(binary.BigEndian.Uint16(blob[37:])), blobHeader+int(blob[39])
	if number >= len(from.material) || len(blob) < body+12 {
		return from, nil, false
	}
	aad := appendContext(slices.Clone(blob[:body]), context)
	plain, err := from.material[number].Open(nil, blob[body:body+12], blob[body+12:], aad)
	return from, plain, err == nil
}

// appendContext appends the pairs in order, each with its length.
func appendContext(dst []byte, context map[string]string) []byte {
	for _, name := range slices.Sorted(maps.Keys(context)) {
		for _, s := range []string{name, context[name]} {
			dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
		}
	}
	return dst
}
