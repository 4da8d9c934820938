// Package pkcs11 keeps data keys wrapped by an AES key inside a token that
// speaks PKCS#11: a hardware module, a smart card, or SoftHSM.
//
// It needs cgo and is compiled with the build tag pkcs11; without the tag only
// URI is here. The mechanism is CKM_AES_GCM over a secret key that cannot leave
// the token: CKA_SENSITIVE, not CKA_EXTRACTABLE, with CKA_ENCRYPT and
// CKA_DECRYPT. For example
//
//	pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label pawl --login \
//	  --keygen --key-type AES:32 --label data --sensitive
//
// The permission is the user's PIN. What is wrapped is
//
//	nonce, 12 bytes | ciphertext | tag, 16 bytes
//
// with a random nonce, and the binding of the data key as additional data.
// AES-GCM must not have one nonce twice under one key: with random ones, a key
// wraps at most 2^32 data keys.
//
// Wrap and Unwrap make two calls into the module each. The module keeps the
// data key in its own memory while it works, which Go cannot clear.
package pkcs11

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/pawlhq/pawl"
)

// URI is what is used of a PKCS#11 URI (RFC 7512):
//
//	pkcs11:token=pawl;object=data?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin
type URI struct {
	Token, Object string // labels
	Module        string // path of the library
	PINSource     string // "file:PATH" or an absolute path, from which the PIN is read
}

// ParseURI reads a URI. It refuses attributes that it would have to ignore,
// and pin-value: a URI is shown and logged.
func ParseURI(s string) (URI, error) {
	rest, ok := strings.CutPrefix(s, "pkcs11:")
	path, query, _ := strings.Cut(rest, "?")
	var u URI
	why := ""
	if !ok {
		why = "it does not begin with pkcs11:"
	}
	for _, attributes := range [][]string{strings.FieldsFunc(path, is(';')), strings.FieldsFunc(query, is('&'))} {
		for _, a := range attributes {
			if said := u.set(a); said != "" {
				why = said
			}
		}
	}
	if why == "" && (u.Token == "" || u.Object == "") {
		why = "it lacks token or object, the labels of the token and of the key"
	}
	if why != "" {
		return URI{}, &pawl.Error{Code: pawl.CodeInvalid, Op: "read the PKCS#11 URI", Why: why,
			Next: "pkcs11:token=LABEL;object=LABEL?module-path=LIBRARY&pin-source=file:PATH"}
	}
	return u, nil
}

func is(sep rune) func(rune) bool { return func(r rune) bool { return r == sep } }

// set takes one attribute, and says what is wrong with it. It does not quote
// the value.
func (u *URI) set(attribute string) (why string) {
	name, value, _ := strings.Cut(attribute, "=")
	to := map[string]*string{"token": &u.Token, "object": &u.Object, "module-path": &u.Module, "pin-source": &u.PINSource}[name]
	plain, err := url.PathUnescape(value)
	switch {
	case name == "type" && value == "secret-key":
		return ""
	case name == "pin-value":
		return "it has a PIN in it: keep the PIN in a file, and name that with pin-source"
	case to == nil:
		return fmt.Sprintf("the attribute %q is not used here", name)
	case *to != "":
		return fmt.Sprintf("%s is there twice", name)
	case err != nil || plain == "" || strings.ContainsRune(plain, 0):
		return name + " has no value, or one that is badly escaped"
	}
	*to = plain
	return ""
}

// KeyID is the URI of the key alone, in one form: "pkcs11:token=…;object=…".
// Where the library is, and the PIN, may change under it.
func (u URI) KeyID() string { return "pkcs11:token=" + escape(u.Token) + ";object=" + escape(u.Object) }

// escape writes all but RFC 3986's unreserved characters in percent form.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
