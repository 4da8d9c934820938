package keepers_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keyfile"
	"github.com/pawlhq/pawl/internal/keepers"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/awskms"
	"github.com/pawlhq/pawl/vendorsim/gcpkms"
	"github.com/pawlhq/pawl/vendorsim/transit"
)

var at = envelope.KeyBinding{ID: 1, Scope: "shop"}

// mustWork holds that a URI opens a keeper of a name, which wraps and unwraps.
func mustWork(t *testing.T, uri, id string, env keepers.Env) {
	t.Helper()
	k, err := keepers.Open(t.Context(), uri, env)
	if err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	if k.KeyID() != id {
		t.Errorf("%s opens %s, want %s", uri, k.KeyID(), id)
	}
	w, err := k.Wrap(t.Context(), []byte("an example key"), at)
	if err != nil {
		t.Fatalf("%s: %v", uri, err)
	}
	if got, err := k.Unwrap(t.Context(), w.Key, at); err != nil || string(got) != "an example key" {
		t.Errorf("%s: %v", uri, err)
	}
}

// through makes an Env whose calls reach stand-ins at the hosts' own names.
func through(hosts map[string]http.Handler, vars map[string]string) keepers.Env {
	return keepers.Env{Client: &http.Client{Transport: vendorsim.Transport(hosts)}, Getenv: func(name string) string { return vars[name] }}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	k, err := keyfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	mustWork(t, "file:"+path, k.KeyID(), keepers.Env{})
	none, err := keepers.Open(t.Context(), "file:"+path+".none", keepers.Env{})
	if !errors.Is(err, os.ErrNotExist) || none != nil {
		t.Errorf("a missing file: %v, %v", none, err)
	}
}

func TestEnv(t *testing.T) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	k, err := envelope.NewKeyKeeper(key)
	if err != nil {
		t.Fatal(err)
	}
	for form, text := range map[string]string{"hex": hex.EncodeToString(key), "base64": base64.StdEncoding.EncodeToString(key) + "\n", "url": base64.RawURLEncoding.EncodeToString(key)} {
		t.Run(form, func(t *testing.T) {
			mustWork(t, "env:KEK", k.KeyID(), through(nil, map[string]string{"KEK": text}))
		})
	}
	for _, text := range []string{"", "hunter2-example", hex.EncodeToString(key[:31]), hex.EncodeToString(append(key, 1))} {
		_, err := keepers.Open(t.Context(), "env:KEK", through(nil, map[string]string{"KEK": text}))
		if pawl.CodeOf(err) != pawl.CodeUnauthorised || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%d characters: %v", len(text), err)
		}
	}
}

func TestAWS(t *testing.T) {
	s := awskms.New(awskms.Config{})
	arn, who := s.AddKey(), s.Allow("shop", awskms.Policy{Actions: []string{"Encrypt", "Decrypt"}})
	t.Setenv("AWS_ACCESS_KEY_ID", who.ID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", who.Secret)
	t.Setenv("AWS_REGION", "us-west-1") // the key's own region counts
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	mustWork(t, "awskms:"+arn, "awskms:"+arn, through(map[string]http.Handler{"kms." + awskms.Region + ".amazonaws.com": s}, nil))
	if _, err := keepers.Open(t.Context(), "awskms:alias/pawl", keepers.Env{}); pawl.CodeOf(err) != pawl.CodeInvalid {
		t.Errorf("an alias: %v", err)
	}
}

// serviceAccount writes the key file of a service account.
func serviceAccount(t *testing.T) (path string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]string{"type": "service_account", "project_id": "example-project", "private_key_id": "1", "client_email": "shop@example-project.iam.gserviceaccount.com",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": "https://oauth2.googleapis.com/token"})
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestGoogle(t *testing.T) {
	s := gcpkms.New(gcpkms.Config{})
	s.AddKey(gcpkms.Name("k"))
	token := s.Token(gcpkms.MayEncrypt, gcpkms.MayDecrypt)
	refuse := false
	hosts := map[string]http.Handler{"cloudkms.googleapis.com": s, "oauth2.googleapis.com": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.FormValue("assertion") == "" || refuse {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"said `+token+`"}`)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"`+token+`","token_type":"Bearer","expires_in":3600}`)
	})}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", serviceAccount(t))
	mustWork(t, "gcpkms:"+gcpkms.Name("k"), "gcpkms:"+gcpkms.Name("k"), through(hosts, nil))

	refuse = true
	k, err := keepers.Open(t.Context(), "gcpkms:"+gcpkms.Name("k"), through(hosts, nil))
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Unwrap(t.Context(), []byte("wrapped"), at)
	if err == nil || errors.Is(err, envelope.ErrUnwrap) || !strings.Contains(err.Error(), "invalid_grant") || strings.Contains(err.Error(), token) {
		t.Errorf("a refused account: %v", err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "none"))
	if _, err := keepers.Open(t.Context(), "gcpkms:"+gcpkms.Name("k"), keepers.Env{}); pawl.CodeOf(err) != pawl.CodeUnauthorised {
		t.Errorf("no account: %v", err)
	}
}

func TestTransit(t *testing.T) {
	s := transit.New(transit.Config{Mount: "team/transit", Namespace: "shop"})
	s.AddKey("pawl", "")
	token := s.Token(transit.Grant{Path: "team/transit/*", Capabilities: []string{"update"}})
	hosts := map[string]http.Handler{"vault.example:8200": s}
	home := t.TempDir()
	for name, text := range map[string]string{".vault-token": token, "sink": token + "\n", "two": token + "\n" + token} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const uri, id, addr = "transit:team/transit/pawl", "transit:shop/team/transit/pawl", "https://vault.example:8200"
	for name, vars := range map[string]map[string]string{
		"vault":        {"VAULT_ADDR": addr, "VAULT_NAMESPACE": "shop", "VAULT_TOKEN": token},
		"bao first":    {"BAO_ADDR": addr, "BAO_NAMESPACE": "shop", "BAO_TOKEN": token, "VAULT_ADDR": "https://other.example", "VAULT_TOKEN": "other"},
		"a sink":       {"VAULT_ADDR": addr, "VAULT_NAMESPACE": "shop", "VAULT_TOKEN_FILE": filepath.Join(home, "sink")},
		"after login":  {"VAULT_ADDR": addr, "VAULT_NAMESPACE": "shop", "HOME": home},
		"with a slash": {"VAULT_ADDR": addr + "/", "VAULT_NAMESPACE": "shop/", "HOME": home},
	} {
		t.Run(name, func(t *testing.T) { mustWork(t, uri, id, through(hosts, vars)) })
	}
	k, err := keepers.Open(t.Context(), uri, through(hosts, map[string]string{"VAULT_ADDR": addr, "VAULT_TOKEN_FILE": filepath.Join(home, "two")}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Wrap(t.Context(), []byte("an example key"), at); err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "one token") {
		t.Errorf("two tokens: %v", err)
	}
}

func TestTransitTrusts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.pem")
	vars := map[string]string{"VAULT_ADDR": "https://127.0.0.1:1", "VAULT_CACERT": path, "VAULT_TOKEN": "hvs.example"}
	env := keepers.Env{Getenv: func(name string) string { return vars[name] }}
	if _, err := keepers.Open(t.Context(), "transit:transit/pawl", env); pawl.CodeOf(err) != pawl.CodeInvalid || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keepers.Open(t.Context(), "transit:transit/pawl", env); pawl.CodeOf(err) != pawl.CodeInvalid {
		t.Errorf("a file without certificates: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, uri := range []string{"", "file:", "env:", "vault:x", "hunter2-example-key", "transit:pawl", "transit:transit/pawl", "gcpkms:k", "pkcs11:token=a"} {
		k, err := keepers.Open(t.Context(), uri, keepers.Env{Getenv: func(string) string { return "" }})
		if err == nil || k != nil || pawl.HintOf(err) == "" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v %v", uri, k, err)
		}
	}
}
