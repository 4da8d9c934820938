package transit_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim/transit"
)

// call makes a call and gives the status, the data and the first error.
func call(t *testing.T, s http.Handler, token, path, body string) (int, map[string]any, string) {
	t.Helper()
	r := httptest.NewRequest("POST", "/v1/"+path, strings.NewReader(body))
	r.Header.Set("X-Vault-Token", token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var got struct {
		Data   map[string]any
		Errors []string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	return w.Code, got.Data, strings.Join(got.Errors, "; ")
}

// encrypted encrypts "hello" and gives the ciphertext.
func encrypted(t *testing.T, s http.Handler, token, more string) string {
	t.Helper()
	code, data, why := call(t, s, token, "transit/encrypt/k", `{"plaintext":"aGVsbG8="`+more+`}`)
	if code != 200 {
		t.Fatalf("%d: %s", code, why)
	}
	return data["ciphertext"].(string)
}

// TestWords holds the stand-in to what the servers' sources say.
func TestWords(t *testing.T) {
	s := transit.New(transit.Config{})
	s.AddKey("k", "")
	root := s.Token(transit.Grant{Path: "*", Capabilities: []string{"create", "update"}})
	bound, plain := encrypted(t, s, root, `,"associated_data":"YQ=="`), encrypted(t, s, root, "")
	s.Rotate("k")
	for _, c := range []struct{ path, body, why string }{
		{"decrypt/k", `{}`, "missing ciphertext to decrypt"},
		{"decrypt/none", `{"ciphertext":"vault:v1:AAAA"}`, "encryption key not found"},
		{"decrypt/k", `{"ciphertext":"` + bound + `"}`, "cipher: message authentication failed"},
		{"decrypt/k", `{"ciphertext":"` + bound + `","associated_data":"Yg=="}`, "cipher: message authentication failed"},
		{"rewrap/k", `{"ciphertext":"` + bound + `","associated_data":"YQ=="}`, "cipher: message authentication failed"},
		{"decrypt/k", `{"ciphertext":"hello"}`, "invalid ciphertext: no prefix"},
		{"decrypt/k", `{"ciphertext":"vault:v1"}`, "invalid ciphertext: wrong number of fields"},
		{"decrypt/k", `{"ciphertext":"vault:vx:AAAA"}`, "invalid ciphertext: version number could not be decoded"},
		{"decrypt/k", `{"ciphertext":"vault:v3:AAAA"}`, "invalid ciphertext: version is too new"},
		{"decrypt/k", `{"ciphertext":"vault:v1:!"}`, "invalid ciphertext: could not decode base64"},
		{"decrypt/k", `{"ciphertext":"vault:v1:AAAA"}`, "invalid ciphertext length"},
	} {
		if code, _, why := call(t, s, root, "transit/"+c.path, c.body); code != 400 || why != c.why {
			t.Errorf("%s %s: %d %q, want %q", c.path, c.body, code, why, c.why)
		}
	}
	for _, text := range []string{plain, strings.Replace(plain, "v1", "v0", 1)} {
		if _, data, why := call(t, s, root, "transit/decrypt/k", `{"ciphertext":"`+text+`"}`); data["plaintext"] != "aGVsbG8=" {
			t.Errorf("%s does not open: %s", text, why)
		}
	}
	if _, data, why := call(t, s, root, "transit/rewrap/k", `{"ciphertext":"`+plain+`"}`); !strings.HasPrefix(data["ciphertext"].(string), "vault:v2:") {
		t.Errorf("rewrap: %s", why)
	}
}

// TestUpsert: the capability create makes a missing key, update alone does not.
func TestUpsert(t *testing.T) {
	s := transit.New(transit.Config{})
	update := s.Token(transit.Grant{Path: "transit/encrypt/*", Capabilities: []string{"update"}})
	if code, _, _ := call(t, s, update, "transit/encrypt/k", `{"plaintext":"aGVsbG8="}`); code != 403 {
		t.Errorf("with update: %d", code)
	}
	create := s.Token(transit.Grant{Path: "transit/encrypt/k", Capabilities: []string{"create"}})
	if got := encrypted(t, s, create, ""); !strings.HasPrefix(got, "vault:v1:") {
		t.Errorf("with create: %q", got)
	}
	s.Revoke(update)
	s.Seal(true)
	if code, _, why := call(t, s, create, "transit/encrypt/k", `{}`); code != 503 || why != "Vault is sealed" {
		t.Errorf("sealed: %d %s", code, why)
	}
}
