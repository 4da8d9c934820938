package pkcs11_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/pkcs11"
)

func TestURI(t *testing.T) {
	u, err := pkcs11.ParseURI("pkcs11:object=data%20keys;type=secret-key;token=a%3Bb?pin-source=file:/run/pin&module-path=/usr/lib/p.so")
	want := pkcs11.URI{Token: "a;b", Object: "data keys", Module: "/usr/lib/p.so", PINSource: "file:/run/pin"}
	if err != nil || u != want {
		t.Fatalf("%+v: %v", u, err)
	}
	if got := u.KeyID(); got != "pkcs11:token=a%3Bb;object=data%20keys" {
		t.Errorf("its key is %q", got)
	}
	if again, err := pkcs11.ParseURI(u.KeyID()); err != nil || again.KeyID() != u.KeyID() {
		t.Errorf("its key's name is not its own: %v", err)
	}
}

func TestURIRefuses(t *testing.T) {
	for _, s := range []string{
		"", "pkcs11:", "pkcs11:token=a", "pkcs11:object=a", "token=a;object=b", "pkcs11:token=a;token=a;object=b", "pkcs11:token=;object=b",
		"pkcs11:token=%;object=b", "pkcs11:token=%00;object=b", "pkcs11:token=a;object=b;id=%01", "pkcs11:token=a;object=b;type=private",
		"pkcs11:token=a;object=b?pin-value=8675309x", "pkcs11:token=a;object=b;serial=1",
	} {
		u, err := pkcs11.ParseURI(s)
		if pawl.CodeOf(err) != pawl.CodeInvalid || u != (pkcs11.URI{}) || strings.Contains(err.Error(), "8675309") {
			t.Errorf("%q: %+v %v", s, u, err)
		}
	}
}
