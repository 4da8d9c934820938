package reencrypt

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// Target is the form in which values are to be. Its methods are safe for
// concurrent use.
type Target interface {
	// Codec makes the codec of one goroutine.
	Codec() Codec
	// Header is what each value in its form begins with, and no other; nil
	// when only opening a value can tell.
	Header() []byte
	// Overhead is how many bytes a value can grow by.
	Overhead() int
}

// Codec rewrites values. It is for one goroutine.
type Codec interface {
	// Renew is called before each page of some hundred values.
	Renew(ctx context.Context) error
	// Rewrite appends to dst what is to be stored in place of v. current says
	// that v is as it should be, and dst is as it was. An error with
	// CodeCorrupt is about this value alone; any other ends the job.
	Rewrite(ctx context.Context, dst []byte, v Value) (out []byte, current bool, err error)
}

// Value is a stored value and its place.
type Value struct {
	Stored []byte
	Text   bool
	At     envelope.Binding
}

// ToEnvelope has values in format 3, under the primary key of their scope. one
// is the ring of all rows; it is nil where rows have scopes of their own, and
// then only the keys tell whether a value is as it should be.
func ToEnvelope(rings envelope.Rings, legacy *envelope.Legacy, one *envelope.Ring) Target {
	return &sealed{rings: rings, legacy: legacy, one: one}
}

type sealed struct {
	rings  envelope.Rings
	legacy *envelope.Legacy
	one    *envelope.Ring
}

func (t *sealed) Codec() Codec { return &sealer{t: t, batches: map[string]*scopeBatch{}} }

func (t *sealed) Header() []byte {
	if t.one == nil {
		return nil
	}
	return envelope.Header(t.one.Primary())
}

func (*sealed) Overhead() int { return envelope.Overhead }

// sealer rewrites into format 3.
type sealer struct {
	t       *sealed
	batches map[string]*scopeBatch
	parsed  []byte
	plain   []byte
	sealed  []byte
}

type scopeBatch struct {
	ring  *envelope.Ring
	batch *envelope.Batch
}

// maxBatches bounds how many scopes have a batch at once.
const maxBatches = 1024

func (s *sealer) Renew(context.Context) error {
	if len(s.batches) > maxBatches {
		clear(s.batches)
	}
	for _, b := range s.batches {
		if err := b.batch.Renew(); err != nil {
			return err
		}
	}
	return nil
}

func (s *sealer) batch(ctx context.Context, scope string) (*scopeBatch, error) {
	if b := s.batches[scope]; b != nil {
		return b, nil
	}
	ring, err := s.t.rings.Ring(ctx, scope)
	if err != nil {
		return nil, err
	}
	batch, err := ring.NewBatch()
	if err != nil {
		return nil, err
	}
	b := &scopeBatch{ring: ring, batch: batch}
	s.batches[scope] = b
	return b, nil
}

func (s *sealer) Rewrite(ctx context.Context, dst []byte, v Value) ([]byte, bool, error) {
	b, err := s.batch(ctx, v.At.Scope)
	if err != nil {
		if pawl.CodeOf(err) == pawl.CodeNotFound { // this scope's trouble alone
			err = &pawl.Error{Code: pawl.CodeCorrupt, Op: "open a value", Why: "its scope has no keys"}
		}
		return dst, false, err
	}
	raw, ours := envelope.Sealed(v.Stored), true
	if v.Text {
		raw, ours = envelope.ParseText(s.parsed[:0], v.Stored)
		if ours {
			s.parsed = raw
		}
	}
	id, known := envelope.KeyOf(raw)
	switch known = ours && known && (b.ring.Has(id) || v.Text); {
	case known && id == b.ring.Primary():
		return dst, true, nil
	case known || s.t.legacy == nil:
		s.plain, err = b.batch.Open(s.plain[:0], raw, v.At)
	default:
		s.plain, err = s.t.legacy.Open(ctx, s.plain[:0], v.Stored)
	}
	if err != nil {
		return dst, false, unreadable(err)
	}
	if !v.Text {
		return b.batch.Seal(dst, s.plain, v.At), false, nil
	}
	s.sealed = b.batch.Seal(s.sealed[:0], s.plain, v.At)
	return envelope.AppendText(dst, s.sealed), false, nil
}

// unreadable tells a value that does not open from a keeper that does not
// answer.
func unreadable(err error) error {
	if errors.Is(err, envelope.ErrLegacy) {
		return &pawl.Error{Code: pawl.CodeCorrupt, Op: "open a value", Why: err.Error()}
	}
	return err
}

// ToStatic has values in the legacy format 1 under another key, for
// applications that read no other: AES-GCM, the nonce in front. text is the
// encoding of text columns. old opens what there is.
func ToStatic(key []byte, old *envelope.Legacy, text Encoding) (Target, error) {
	fresh, err := envelope.NewLegacy([][]byte{key}, nil)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &static{aead: aead, fresh: fresh, old: old, text: text}, nil
}

type static struct {
	aead       cipher.AEAD
	fresh, old *envelope.Legacy
	text       Encoding
}

func (t *static) Codec() Codec { return &staticCodec{static: t} }
func (*static) Header() []byte { return nil }
func (*static) Overhead() int  { return 0 }

type staticCodec struct {
	*static
	plain, sealed []byte
}

func (*staticCodec) Renew(context.Context) error { return nil }

func (c *staticCodec) Rewrite(ctx context.Context, dst []byte, v Value) (_ []byte, current bool, err error) {
	if c.plain, err = c.fresh.Open(ctx, c.plain[:0], v.Stored); err == nil {
		return dst, true, nil
	}
	if c.plain, err = c.old.Open(ctx, c.plain[:0], v.Stored); err != nil {
		return dst, false, unreadable(err)
	}
	c.sealed = append(c.sealed[:0], make([]byte, c.aead.NonceSize())...)
	if _, err := rand.Read(c.sealed); err != nil {
		return dst, false, err
	}
	c.sealed = c.aead.Seal(c.sealed, c.sealed, c.plain, nil)
	if !v.Text {
		return append(dst, c.sealed...), false, nil
	}
	return c.text.append(dst, c.sealed, v.Stored), false, nil
}

// Encoding is how text columns have values of the legacy format.
type Encoding string

// The encodings. Base64 is padded where the value that is replaced was.
const (
	Hex       Encoding = "hex"
	Base64    Encoding = "base64"
	Base64URL Encoding = "base64url"
)

// append appends a sealed value as text, padded like the one that it replaces.
func (e Encoding) append(dst, sealed, like []byte) []byte {
	if e == Hex {
		return hex.AppendEncode(dst, sealed)
	}
	enc := base64.RawStdEncoding
	if e == Base64URL {
		enc = base64.RawURLEncoding
	}
	if like[len(like)-1] == '=' {
		enc = enc.WithPadding(base64.StdPadding)
	}
	return enc.AppendEncode(dst, sealed)
}
