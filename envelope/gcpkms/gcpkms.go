// Package gcpkms keeps data keys wrapped by a symmetric key of Google Cloud KMS.
//
// It makes two calls of the REST API over a client that the caller authorises,
// for example with golang.org/x/oauth2/google. Google's own library,
// cloud.google.com/go/kms, would bring 33 modules with gRPC into every
// application that imports this package, for the same two calls.
//
// The binding of a data key is the additional authenticated data. Cloud KMS's
// policies cannot ask for it, so whoever may use the key may unwrap all that it
// wrapped: give programs that must be apart keys of their own. The permissions,
// on the key alone, are
//
//	cloudkms.cryptoKeyVersions.useToEncrypt    Wrap
//	cloudkms.cryptoKeyVersions.useToDecrypt    Unwrap
//
// which roles/cloudkms.cryptoKeyEncrypterDecrypter has, or the halves
// roles/cloudkms.cryptoKeyEncrypter and roles/cloudkms.cryptoKeyDecrypter:
//
//	gcloud kms keys add-iam-policy-binding KEY --keyring=RING --location=LOCATION \
//	  --member=serviceAccount:NAME --role=roles/cloudkms.cryptoKeyEncrypterDecrypter
//
// Wrap and Unwrap make one call each. All bytes go with a checksum both ways;
// what arrives damaged, or was not checked, is tried once more, as the data
// integrity guidelines of Cloud KMS ask.
package gcpkms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/internal/jsoncall"
)

// Scope is what the client's access tokens must be for.
const Scope = "https://www.googleapis.com/auth/cloudkms"

// Endpoint is the service's address, where Config has none.
const Endpoint = "https://cloudkms.googleapis.com"

// Config says which key wraps.
type Config struct {
	Key    string       // "projects/P/locations/L/keyRings/R/cryptoKeys/K", without a version
	Client *http.Client // authorises each call, for Scope
	// Endpoint is another address of the service, such as that of a region.
	Endpoint string
}

// Keeper wraps data keys under one key. It is safe for concurrent use.
type Keeper struct {
	key, base string
	client    *http.Client
}

// New makes a keeper. It makes no call.
func New(cfg Config) (*Keeper, error) {
	part := strings.Split(cfg.Key, "/")
	why := ""
	for i, name := range []string{"projects", "locations", "keyRings", "cryptoKeys"} {
		if len(part) != 8 || part[2*i] != name || part[2*i+1] == "" || strings.ContainsAny(part[2*i+1], "?#%:\\ ") {
			why = "it is not projects/P/locations/L/keyRings/R/cryptoKeys/K"
		}
	}
	if cfg.Endpoint == "" {
		cfg.Endpoint = Endpoint
	}
	if u, err := url.Parse(cfg.Endpoint); err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" {
		why = "the endpoint is no URL such as " + Endpoint
	}
	if cfg.Client == nil {
		why = "there is no client that authorises calls"
	}
	if why != "" {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "open the Cloud KMS key", On: cfg.Key, Why: why, Next: "gcloud kms keys list --location=LOCATION --keyring=RING"}
	}
	return &Keeper{key: cfg.Key, base: strings.TrimRight(cfg.Endpoint, "/") + "/v1/" + cfg.Key, client: jsoncall.Client(cfg.Client)}, nil
}

// KeyID is "gcpkms:" and the key's resource name.
func (k *Keeper) KeyID() string { return "gcpkms:" + k.key }

// The calls' fields (API reference). An int64 is a string in Google's JSON.
type request struct {
	Plaintext        []byte `json:"plaintext,omitempty"`
	PlaintextSum     string `json:"plaintextCrc32c,omitempty"`
	Ciphertext       []byte `json:"ciphertext,omitempty"`
	CiphertextSum    string `json:"ciphertextCrc32c,omitempty"`
	AuthenticatedSum string `json:"additionalAuthenticatedDataCrc32c"`
	Authenticated    []byte `json:"additionalAuthenticatedData"`
}

type answer struct {
	Name                  string `json:"name"`
	Ciphertext            []byte `json:"ciphertext"`
	CiphertextSum         string `json:"ciphertextCrc32c"`
	Plaintext             []byte `json:"plaintext"`
	PlaintextSum          string `json:"plaintextCrc32c"`
	VerifiedPlaintext     bool   `json:"verifiedPlaintextCrc32c"`
	VerifiedAuthenticated bool   `json:"verifiedAdditionalAuthenticatedDataCrc32c"`
	Error                 struct {
		Status  string `json:"status"`
		Message string `json:"message"`
	} `json:"error"`
}

// errDamaged means that bytes were changed under way, or may have been.
var errDamaged = errors.New("the checksums do not show that all bytes arrived as they were sent")

// Wrap encrypts a data key under the primary version of the key, whose number
// is the Version.
func (k *Keeper) Wrap(ctx context.Context, dek []byte, b envelope.KeyBinding) (envelope.Wrapped, error) {
	aad := b.Bytes()
	in := request{Plaintext: dek, PlaintextSum: sum(dek), Authenticated: aad, AuthenticatedSum: sum(aad)}
	got, err := k.call(ctx, "encrypt", in, func(a *answer) bool {
		return a.VerifiedPlaintext && a.VerifiedAuthenticated && len(a.Ciphertext) > 0 && a.CiphertextSum == sum(a.Ciphertext)
	})
	if err != nil {
		return envelope.Wrapped{}, err
	}
	version, ok := strings.CutPrefix(got.Name, k.key+"/cryptoKeyVersions/")
	if !ok {
		return envelope.Wrapped{}, k.fail("encrypt", errors.New("the answer is of another key"), "check the endpoint")
	}
	return envelope.Wrapped{Key: got.Ciphertext, Version: version}, nil
}

// maxCiphertext bounds what is sent: the service takes 64 KiB of plaintext.
const maxCiphertext = 66 << 10

// Unwrap decrypts a data key. A ciphertext that is changed, of another key or
// of another binding is envelope.ErrUnwrap; the service does not tell which.
func (k *Keeper) Unwrap(ctx context.Context, wrapped []byte, b envelope.KeyBinding) ([]byte, error) {
	if len(wrapped) == 0 || len(wrapped) > maxCiphertext { // the service calls it a wrong request
		return nil, envelope.ErrUnwrap
	}
	aad := b.Bytes()
	in := request{Ciphertext: wrapped, CiphertextSum: sum(wrapped), Authenticated: aad, AuthenticatedSum: sum(aad)}
	got, err := k.call(ctx, "decrypt", in, func(a *answer) bool { return len(a.Plaintext) > 0 && a.PlaintextSum == sum(a.Plaintext) })
	if err != nil {
		return nil, err
	}
	return got.Plaintext, nil
}

func sum(b []byte) string {
	return strconv.FormatUint(uint64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), 10)
}

// call makes a call, and once more when what came back is not whole.
func (k *Keeper) call(ctx context.Context, op string, in request, whole func(*answer) bool) (*answer, error) {
	var err error
	for range 2 {
		var got *answer
		if got, err = k.once(ctx, op, in); err == nil {
			if whole(got) {
				return got, nil
			}
			clear(got.Plaintext)
			err = k.fail(op, errDamaged, "try again; if it stays, look for what changes calls between here and the service")
		}
		if !errors.Is(err, errDamaged) {
			break
		}
	}
	return nil, err
}

func (k *Keeper) once(ctx context.Context, op string, in request) (*answer, error) {
	status, body, err := jsoncall.Post(ctx, k.client, k.base+":"+op, nil, in)
	if err != nil {
		return nil, k.fail(op, err, "check the credentials and the way to Cloud KMS, then try again")
	}
	defer clear(body)
	got := &answer{}
	bad := json.Unmarshal(body, got) != nil // the decoder's own words can quote the body
	if status == http.StatusOK && !bad {
		return got, nil
	}
	return nil, k.refused(op, status, got.Error.Status, got.Error.Message)
}

// refused tells a ciphertext that does not decrypt from all else. The status
// alone does not: a wrong checksum and a bad API key are INVALID_ARGUMENT too.
func (k *Keeper) refused(op string, code int, status, said string) error {
	if status == "INVALID_ARGUMENT" {
		if op == "decrypt" && strings.HasPrefix(said, "Decryption failed") {
			return fmt.Errorf("decrypt with %s: %s: %w", k.key, status, envelope.ErrUnwrap)
		}
		if strings.Contains(strings.ToLower(said), "checksum") {
			return k.fail(op, fmt.Errorf("%s: %w", status, errDamaged), "try again")
		}
	}
	return k.fail(op, fmt.Errorf("the service answered %d %s: %.300s", code, status, strings.Join(strings.Fields(said), " ")), next(op, status, k.key))
}

// next says what to do about an answer, by its status.
func next(op, status, key string) string {
	switch status {
	case "PERMISSION_DENIED":
		return "grant cloudkms.cryptoKeyVersions.useTo" + strings.ToUpper(op[:1]) + op[1:] + " on the key to this identity"
	case "UNAUTHENTICATED":
		return "give this process valid Google Cloud credentials for the scope " + Scope
	case "FAILED_PRECONDITION":
		return "gcloud kms keys versions list --key " + key + "; enable the version, or the API"
	case "NOT_FOUND":
		return "check the key's resource name"
	case "RESOURCE_EXHAUSTED":
		return "wait, then try again; the quota is the project's"
	}
	return "try again; if it stays, look at the service's status page"
}

func (k *Keeper) fail(op string, err error, next string) error {
	return &pawl.Error{Op: op + " with", On: k.key, Err: err, Next: next}
}
