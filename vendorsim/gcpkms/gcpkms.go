// Package gcpkms is a stateful stand-in of Google Cloud KMS's REST API, as far
// as symmetric keys go: projects.locations.keyRings.cryptoKeys encrypt and
// decrypt, with versions, checksums, and access tokens of service accounts
// whose roles are looked at.
//
// It follows the API reference (EncryptRequest, DecryptRequest and their
// answers) and the data integrity guidelines:
//
//   - a checksum that is sent and wrong is 400 INVALID_ARGUMENT; one that is
//     sent and right is answered as verified;
//   - int64 values are strings in JSON;
//   - what does not decrypt is 400 INVALID_ARGUMENT "Decryption failed: verify
//     that 'name' refers to the correct CryptoKey.", as nodejs-kms#145 quotes it,
//     also with other additional authenticated data;
//   - a version that is not enabled is 400 FAILED_PRECONDITION.
//
// Guessed: the words of all other messages. Left out: key management over HTTP,
// asymmetric keys, import, external keys, and every other call.
package gcpkms

import (
	"crypto/rand"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// Config says how a stand-in behaves.
type Config struct {
	Now  pawl.Clock // nil is time.Now
	Rand io.Reader  // for keys, nonces and tokens; nil is crypto/rand
	// Unverified makes it answer that many calls as if it had seen no checksum,
	// as when something between drops fields.
	Unverified int
	// Corrupt flips a bit in the body of that many answers.
	Corrupt int
}

// The permissions ("Permissions and roles" of Cloud KMS).
const (
	MayEncrypt = "cloudkms.cryptoKeyVersions.useToEncrypt"
	MayDecrypt = "cloudkms.cryptoKeyVersions.useToDecrypt"
)

// KMS is Cloud KMS. It is an http.Handler, safe for concurrent use.
type KMS struct {
	cfg   Config
	front vendorsim.Front

	mu     sync.Mutex
	keys   map[string]*key     // by resource name
	tokens map[string][]string // permissions by access token
}

// New makes a KMS without keys and tokens.
func New(cfg Config) *KMS {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	k := &KMS{cfg: cfg, keys: map[string]*key{}, tokens: map[string][]string{}}
	k.front.Now = cfg.Now
	return k
}

// ServeHTTP answers calls.
func (k *KMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.front.Serve(w, r, (*api)(k))
}

// Faults gives the faults between callers and this KMS. Labels are "encrypt"
// and "decrypt".
func (k *KMS) Faults() *vendorsim.Faults { return &k.front.Faults }

// Log gives the requests so far, oldest first.
func (k *KMS) Log() []vendorsim.Entry { return k.front.Requests.Entries() }

// Token makes an access token with permissions for all keys.
func (k *KMS) Token(permissions ...string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	token := vendorsim.Credential(k.cfg.Rand, "ya29.", 40)
	k.tokens[token] = permissions
	return token
}

// api is the KMS behind its front.
type api KMS

// Operation labels a call.
func (a *api) Operation(r *http.Request) string {
	if _, op, ok := strings.Cut(r.URL.Path, ":"); ok {
		return op
	}
	return "unknown"
}

// ServeHTTP answers calls.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k, c := (*KMS)(a), &route.Call{W: w, R: r}
	k.mu.Lock()
	defer k.mu.Unlock()
	path, op, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), ":")
	do, needs := (*KMS).encrypt, MayEncrypt
	if op == "decrypt" {
		do, needs = (*KMS).decrypt, MayDecrypt
	}
	permissions, known := k.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	switch {
	case op != "encrypt" && op != "decrypt" || r.Method != http.MethodPost:
		fail(c, http.StatusNotFound, "NOT_FOUND", "Method not found.")
	case !known:
		fail(c, http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
	case !slices.Contains(permissions, needs):
		fail(c, http.StatusForbidden, "PERMISSION_DENIED", "Permission '"+needs+"' denied on resource '"+path+"' (or it may not exist).")
	case k.keys[path] == nil:
		fail(c, http.StatusNotFound, "NOT_FOUND", "CryptoKey "+path+" not found.")
	default:
		var in request
		if c.Read(&in) != nil {
			fail(c, http.StatusBadRequest, "INVALID_ARGUMENT", "Invalid JSON payload received.")
			return
		}
		do(k, c, k.keys[path], in)
	}
}

// fail answers with an error as Google's APIs do.
func fail(c *route.Call, code int, status, why string) {
	c.JSON(code, map[string]any{"error": map[string]any{"code": code, "message": why, "status": status}})
}
