// Package webhook verifies the signatures of Stripe's events.
//
// It follows Stripe's page "Receive Stripe events in your webhook endpoint"
// (docs.stripe.com/webhooks, "Verify webhook signatures manually"). Unlike
// Stripe's own library it takes several secrets, which is what an endpoint
// needs while its secret is rolled, takes the clock from its caller, and
// refuses an event from the future.
package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"
)

// Header is the HTTP header that has the signatures of an event.
const Header = "Stripe-Signature"

// Why an event is refused. None of them has a secret or a signature in it.
var (
	ErrNoSecret  = errors.New("webhook: there is no secret to verify with")
	ErrNotSigned = errors.New("webhook: the event has no " + Header + " header")
	ErrHeader    = errors.New("webhook: the " + Header + " header is malformed")
	ErrTooOld    = errors.New("webhook: the event was signed too long ago")
	ErrTooNew    = errors.New("webhook: the event was signed in the future")
	ErrSignature = errors.New("webhook: no signature is by an accepted secret")
)

// scheme is the only scheme that proves anything. What test mode adds as v0
// does not.
const scheme = "v1"

// Verify returns nil if the header has a signature of the payload by one of
// the secrets, made at most tolerance before or after now, and one of the
// errors above otherwise. The payload is the body as it came, byte for byte.
// Empty secrets count for nothing. Signatures are compared in constant time.
func Verify(payload []byte, header string, secrets []string, tolerance time.Duration, now time.Time) error {
	at, err := signedAt(header)
	if err != nil {
		return err
	}
	switch age := now.Sub(time.Unix(at, 0)); {
	case age > tolerance:
		return ErrTooOld
	case age < -tolerance:
		return ErrTooNew
	}
	err = ErrNoSecret
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		if signedBy(header, sign(at, payload, secret)) {
			return nil
		}
		err = ErrSignature
	}
	return err
}

// signedAt reads the instant, in seconds of Unix time, of a header like
// "t=1495999758,v1=5257…,v1=8d2f…,v0=6ffb…". Of several instants the last one
// counts, as in Stripe's library.
func signedAt(header string) (int64, error) {
	if header == "" {
		return 0, ErrNotSigned
	}
	at, timed, signed := int64(0), false, false
	for more := true; more; {
		var field string
		field, header, more = strings.Cut(header, ",")
		name, value, ok := strings.Cut(field, "=")
		if !ok || strings.Contains(value, "=") {
			return 0, ErrHeader
		}
		switch name {
		case "t":
			var err error
			if at, err = strconv.ParseInt(value, 10, 64); err != nil {
				return 0, ErrHeader
			}
			timed = true
		case scheme:
			signed = true
		}
	}
	switch {
	case !timed:
		return 0, ErrHeader
	case !signed:
		return 0, ErrSignature
	}
	return at, nil
}

// sign makes the signature of a payload: HMAC-SHA256 over the instant, a dot
// and the payload.
func sign(at int64, payload []byte, secret string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, []byte(secret))
	head := append(strconv.AppendInt(make([]byte, 0, 24), at, 10), '.')
	mac.Write(head) // a digest takes everything
	mac.Write(payload)
	mac.Sum(sum[:0])
	return sum
}

// signedBy reports whether a header has a signature. What is no signature in
// form is passed over: a scheme may have others some day.
func signedBy(header string, want [sha256.Size]byte) bool {
	var digits [2 * sha256.Size]byte
	var got [sha256.Size]byte
	for more := true; more; {
		var field string
		field, header, more = strings.Cut(header, ",")
		name, value, _ := strings.Cut(field, "=")
		if name != scheme || len(value) != len(digits) {
			continue
		}
		copy(digits[:], value)
		if _, err := hex.Decode(got[:], digits[:]); err == nil && hmac.Equal(got[:], want[:]) {
			return true
		}
	}
	return false
}
