package gcpkms_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim/gcpkms"
)

func call(t *testing.T, s *gcpkms.KMS, token, path, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest("POST", "/v1/"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	got := map[string]any{}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if e, ok := got["error"].(map[string]any); ok {
		got = e
	}
	return w.Code, got
}

// hello with its checksum, CRC32C("hello") = 0x9a71bb4c.
const hello = `"plaintext":"aGVsbG8=","plaintextCrc32c":"2591144780"`

func TestAnswers(t *testing.T) {
	s := gcpkms.New(gcpkms.Config{})
	key := gcpkms.Name("k")
	s.AddKey(key)
	token := s.Token(gcpkms.MayEncrypt, gcpkms.MayDecrypt)
	_, made := call(t, s, token, key+":encrypt", `{`+hello+`,"additionalAuthenticatedData":"YQ=="}`)
	if made["verifiedPlaintextCrc32c"] != true || made["verifiedAdditionalAuthenticatedDataCrc32c"] != false || made["name"] != key+"/cryptoKeyVersions/1" {
		t.Fatalf("encrypt: %v", made)
	}
	s.Rotate(key)
	sealed := `{"ciphertext":"` + made["ciphertext"].(string) + `"`
	_, got := call(t, s, token, key+":decrypt", sealed+`,"additionalAuthenticatedData":"YQ=="}`)
	if got["plaintext"] != "aGVsbG8=" || got["plaintextCrc32c"] != "2591144780" || got["usedPrimary"] != false {
		t.Errorf("decrypt: %v", got)
	}
	for _, c := range []struct {
		path, body, token, status string
		code                      int
	}{
		{":encrypt", `{"plaintext":"aGVsbG8=","plaintextCrc32c":"1"}`, token, "INVALID_ARGUMENT", 400},
		{":decrypt", sealed + `}`, token, "INVALID_ARGUMENT", 400},
		{":decrypt", sealed + `,"ciphertextCrc32c":"1"}`, token, "INVALID_ARGUMENT", 400},
		{":decrypt", `{}`, token, "INVALID_ARGUMENT", 400},
		{":decrypt", sealed + `}`, s.Token(gcpkms.MayEncrypt), "PERMISSION_DENIED", 403},
		{":decrypt", sealed + `}`, "nobody", "UNAUTHENTICATED", 401},
		{"x:decrypt", sealed + `}`, token, "NOT_FOUND", 404},
		{":rawDecrypt", sealed + `}`, token, "NOT_FOUND", 404},
	} {
		if code, got := call(t, s, c.token, key+c.path, c.body); code != c.code || got["status"] != c.status {
			t.Errorf("%s %s: %d %v", c.path, c.body, code, got)
		}
	}
	s.SetState(key, gcpkms.Disabled)
	if code, got := call(t, s, token, key+":decrypt", sealed+`,"additionalAuthenticatedData":"YQ=="}`); code != 400 || got["status"] != "FAILED_PRECONDITION" {
		t.Errorf("a disabled version: %d %v", code, got)
	}
}
