// Package awskms is a stateful stand-in of AWS KMS: symmetric keys with their
// states and rotations, Encrypt, Decrypt, ReEncrypt, GenerateDataKey and
// DescribeKey over JSON 1.1, signatures (SigV4) that are verified, and
// identities whose policies may ask for an encryption context.
//
// It follows the API reference of KMS and the model in aws-sdk-go-v2's
// service/kms. The order in which a call is refused is: signature, validation,
// key, permission, state of the key, ciphertext. A ciphertext names its key, its
// length is not fixed, and rotations are invisible: ciphertexts of all earlier
// key material open.
//
// Guessed: the exact words of messages; programs look at the code alone. Left
// out: aliases, grants, key policies, asymmetric and multi-Region keys, the age
// of signatures, and every other call.
package awskms

import (
	"crypto/rand"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// Account and Region are where all keys are.
const (
	Account = "111122223333" // the one that AWS's documentation uses
	Region  = "eu-central-1"
)

// Config says how a stand-in behaves.
type Config struct {
	Now  pawl.Clock // nil is time.Now
	Rand io.Reader  // for keys, nonces and credentials; nil is crypto/rand
}

// KMS is the KMS of one account in one region. It is an http.Handler, safe for
// concurrent use.
type KMS struct {
	cfg   Config
	front vendorsim.Front

	mu    sync.Mutex
	keys  map[string]*key      // by ARN
	users map[string]*identity // by access key id
}

// Policy lets an identity make calls, such as "Encrypt", with any key.
// Context are pairs that the encryption context must have: the condition
// StringEquals on kms:EncryptionContext.
type Policy struct {
	Actions []string
	Context map[string]string
}

// Credentials are an identity's access key.
type Credentials struct{ ID, Secret string }

type identity struct {
	name, secret string
	policy       Policy
}

// New makes a KMS without keys and identities.
func New(cfg Config) *KMS {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	k := &KMS{cfg: cfg, keys: map[string]*key{}, users: map[string]*identity{}}
	k.front.Now = cfg.Now
	return k
}

// ServeHTTP answers calls.
func (k *KMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.front.Serve(w, r, (*api)(k))
}

// Faults gives the faults between callers and this KMS. Labels are the calls'
// names, "Decrypt".
func (k *KMS) Faults() *vendorsim.Faults { return &k.front.Faults }

// Log gives the requests so far, oldest first.
func (k *KMS) Log() []vendorsim.Entry { return k.front.Requests.Entries() }

// Allow makes an identity with a policy.
func (k *KMS) Allow(name string, p Policy) Credentials {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := Credentials{ID: "AKIA" + strings.ToUpper(vendorsim.Random(k.cfg.Rand, 16)), Secret: vendorsim.Credential(k.cfg.Rand, "", 30)}
	k.users[c.ID] = &identity{name: name, secret: c.Secret, policy: p}
	return c
}

// SetPolicy changes what an identity may do.
func (k *KMS) SetPolicy(c Credentials, p Policy) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.users[c.ID].policy = p
}

// api is the KMS behind its front.
type api KMS

// Operation labels a call.
func (a *api) Operation(r *http.Request) string {
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
	if !ok {
		return "unknown"
	}
	return name
}

// ServeHTTP answers calls.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k, c := (*KMS)(a), &route.Call{W: w, R: r}
	k.mu.Lock()
	defer k.mu.Unlock()
	body, err := c.Raw()
	if err != nil {
		fail(c, "SerializationException", "")
		return
	}
	who, code, why := k.verify(r, body)
	if code != "" {
		fail(c, code, why)
		return
	}
	call := &call{Call: c, kms: k, who: who, name: a.Operation(r)}
	do := calls()[call.name]
	if do == nil {
		fail(c, "UnknownOperationException", "")
		return
	}
	if !call.read(body) {
		return
	}
	do(call)
}

// fail answers with an error of the service: most have the status 400.
func fail(c *route.Call, code, why string) {
	c.W.Header().Set("X-Amzn-Errortype", code)
	c.JSON(http.StatusBadRequest, map[string]any{"__type": code, "message": why})
}
