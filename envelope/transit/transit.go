// Package transit keeps data keys wrapped by the transit engine of HashiCorp
// Vault or OpenBao, over net/http alone.
//
// The key must be of a type that takes associated data, or data keys could be
// moved from one row of the key table to another: aes256-gcm96, which is the
// default, aes128-gcm96, chacha20-poly1305, or xchacha20-poly1305 (OpenBao).
// The server refuses the others (rsa-*, and all that only sign) with
// "provided for non-AEAD cipher suite". Derived keys are not supported.
//
//	vault secrets enable transit
//	vault write -f transit/keys/pawl type=aes256-gcm96
//
// The policy of the token. Without the capability create, a mistyped name is
// refused; with it the server makes a new key of that name, silently:
//
//	path "transit/encrypt/pawl" { capabilities = ["update"] }
//	path "transit/decrypt/pawl" { capabilities = ["update"] }
//
// Wrap makes one call, and the first one of a keeper a second, a decryption
// that must be refused: a Vault older than 1.13 ignores the associated data
// without a word. Unwrap makes one call. Nothing is tried twice.
//
// The server's own rewrap endpoint ignores associated data and fails on such
// keys; envelope.Rewrap unwraps and wraps instead.
//
// Facts about the server are from builtin/logical/transit and
// sdk/helper/keysutil/policy.go of Vault and OpenBao.
package transit

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/internal/jsoncall"
)

// Config says which key of which server wraps.
type Config struct {
	Address   string // "https://vault.example:8200"
	Namespace string // of Vault Enterprise or OpenBao; may be empty
	Mount     string // of the engine; empty is "transit"
	Key       string
	// Token gives the token for a call. It is asked before each one, so that
	// a renewed token is used at once, and must be safe for concurrent use.
	Token  func(context.Context) (string, error)
	Client *http.Client // nil is one with the system's certificates and a timeout
}

// Keeper wraps data keys under one key of a transit engine. It is safe for
// concurrent use.
type Keeper struct {
	cfg    Config
	base   string
	client *http.Client
	bound  atomic.Bool // the server was seen to check associated data
}

// New makes a keeper. It makes no call.
func New(cfg Config) (*Keeper, error) {
	if cfg.Mount = strings.Trim(cfg.Mount, "/"); cfg.Mount == "" {
		cfg.Mount = "transit"
	}
	cfg.Namespace = strings.Trim(cfg.Namespace, "/")
	u, err := url.Parse(cfg.Address)
	why := ""
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		why = "the address is no URL such as https://vault.example:8200"
	case u.User != nil || u.RawQuery != "":
		why = "the address has more than a host and a path"
	case cfg.Key == "" || strings.ContainsAny(cfg.Key, "/?#%") || strings.ContainsAny(cfg.Mount, "?#%"):
		why = "the key's name is missing or is no name"
	case cfg.Token == nil:
		why = "there is no token"
	}
	if why != "" {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "open the transit key", On: cfg.Mount + "/" + cfg.Key, Why: why, Next: "give the server's address, the key and a token"}
	}
	return &Keeper{cfg: cfg, base: strings.TrimRight(u.String(), "/"), client: jsoncall.Client(cfg.Client)}, nil
}

// KeyID is "transit:" and the key's whole path, with the namespace in front as
// the server writes it. The address is not in it: servers move.
func (k *Keeper) KeyID() string {
	path := k.cfg.Mount + "/" + k.cfg.Key
	if k.cfg.Namespace != "" {
		path = k.cfg.Namespace + "/" + path
	}
	return "transit:" + path
}

// answer is what the server says, of which only some is there.
type answer struct {
	Data struct {
		Ciphertext string `json:"ciphertext"`
		Plaintext  string `json:"plaintext"`
	} `json:"data"`
	Errors []string `json:"errors"`
}

// Wrap encrypts a data key under the newest version of the key. What is
// wrapped is the server's own text, "vault:v3:…", which other programs read
// too, given the associated data; Version is the number in it.
func (k *Keeper) Wrap(ctx context.Context, dek []byte, b envelope.KeyBinding) (envelope.Wrapped, error) {
	got, err := k.call(ctx, "encrypt", map[string]string{"plaintext": base64.StdEncoding.EncodeToString(dek), "associated_data": data(b)})
	if err != nil {
		return envelope.Wrapped{}, err
	}
	version, ok := canonical(got.Data.Ciphertext)
	if !ok {
		return envelope.Wrapped{}, k.fail("encrypt", "the answer has no ciphertext", "check that the address is that of the server")
	}
	if err := k.checkBound(ctx, got.Data.Ciphertext, b); err != nil {
		return envelope.Wrapped{}, err
	}
	return envelope.Wrapped{Key: []byte(got.Data.Ciphertext), Version: version}, nil
}

// checkBound has the server decrypt with other associated data, once, which it
// must refuse.
func (k *Keeper) checkBound(ctx context.Context, ciphertext string, b envelope.KeyBinding) error {
	if k.bound.Load() {
		return nil
	}
	b.Scope += " other"
	_, err := k.call(ctx, "decrypt", map[string]string{"ciphertext": ciphertext, "associated_data": data(b)})
	switch {
	case err == nil:
		return k.fail("encrypt", "the server ignores associated data, so that wrapped keys could be moved", "use Vault 1.13 or later, or OpenBao")
	case !errors.Is(err, envelope.ErrUnwrap):
		return err
	}
	k.bound.Store(true)
	return nil
}

// Unwrap decrypts a data key. Data that is not authentic is envelope.ErrUnwrap.
// A version below the key's min_decryption_version is not: it is there, and
// opens when that setting is lowered again.
func (k *Keeper) Unwrap(ctx context.Context, wrapped []byte, b envelope.KeyBinding) ([]byte, error) {
	if _, ok := canonical(string(wrapped)); !ok {
		return nil, envelope.ErrUnwrap
	}
	got, err := k.call(ctx, "decrypt", map[string]string{"ciphertext": string(wrapped), "associated_data": data(b)})
	if err != nil {
		return nil, err
	}
	dek, err := base64.StdEncoding.Strict().DecodeString(got.Data.Plaintext)
	if err != nil || len(dek) == 0 {
		return nil, k.fail("decrypt", "the answer has no plaintext", "check that the address is that of the server")
	}
	return dek, nil
}

func data(b envelope.KeyBinding) string { return base64.StdEncoding.EncodeToString(b.Bytes()) }

// maxCiphertext bounds what is sent. A wrapped key of 32 bytes has 90.
const maxCiphertext = 64 << 10

// canonical gives the version in a ciphertext. It holds a text to the one form
// that the server writes: the server also reads version 0 as 1, and base64
// with loose bits, so that a changed text would open.
func canonical(text string) (version string, ok bool) {
	rest, ok := strings.CutPrefix(text, "vault:v")
	if !ok || len(text) > maxCiphertext {
		return "", false
	}
	version, rest, ok = strings.Cut(rest, ":")
	n, err := strconv.ParseUint(version, 10, 32)
	if !ok || err != nil || n == 0 || strconv.FormatUint(n, 10) != version {
		return "", false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(rest)
	return version, err == nil && base64.StdEncoding.EncodeToString(raw) == rest // a decoder skips line ends
}

// call asks the server to encrypt or decrypt.
func (k *Keeper) call(ctx context.Context, op string, in map[string]string) (answer, error) {
	token, err := k.cfg.Token(ctx)
	if err != nil {
		return answer{}, &pawl.Error{Op: op, On: k.KeyID(), Why: "the token cannot be had", Err: err, Next: "give a token for the server"}
	}
	header := http.Header{"X-Vault-Token": {token}, "X-Vault-Request": {"true"}}
	if k.cfg.Namespace != "" {
		header.Set("X-Vault-Namespace", k.cfg.Namespace)
	}
	status, body, err := jsoncall.Post(ctx, k.client, k.base+"/v1/"+k.cfg.Mount+"/"+op+"/"+url.PathEscape(k.cfg.Key), header, in)
	if err != nil {
		return answer{}, &pawl.Error{Op: op, On: k.KeyID(), Err: err, Next: "make the server reachable, then try again"}
	}
	defer clear(body)
	var got answer
	bad := json.Unmarshal(body, &got) != nil // the decoder's own words can quote the body
	if status == http.StatusOK && !bad {
		return got, nil
	}
	return answer{}, k.refused(op, status, strings.Join(got.Errors, "; "), token, in["plaintext"])
}

// refused tells a ciphertext that is not authentic from all else.
func (k *Keeper) refused(op string, status int, said string, hidden ...string) error {
	if op == "decrypt" && status == http.StatusBadRequest && (strings.Contains(said, "message authentication failed") || strings.Contains(said, "invalid ciphertext")) {
		return fmt.Errorf("%s %s: %w", op, k.KeyID(), envelope.ErrUnwrap)
	}
	for _, h := range hidden {
		if h != "" {
			said = strings.ReplaceAll(said, h, "[secret]")
		}
	}
	return k.fail(op, fmt.Sprintf("the server answered %d: %.300s", status, strings.Join(strings.Fields(said), " ")), next(status, said, k.cfg))
}

// next says what to do about an answer, by its status and its words.
func next(status int, said string, cfg Config) string {
	key := cfg.Mount + "/keys/" + cfg.Key
	switch {
	case strings.Contains(said, "disallowed by policy (too old)"):
		return "lower min_decryption_version of " + key + ", rewrap the data keys, then raise it again"
	case strings.Contains(said, "non-AEAD"), strings.Contains(said, "not supported for key type"), strings.Contains(said, "key derivation"):
		return "make a key of the type aes256-gcm96 that is not derived"
	case strings.Contains(said, "key not found"):
		return "vault write -f " + key + " type=aes256-gcm96"
	case status == http.StatusForbidden:
		return fmt.Sprintf("give the token the capability update on %s/encrypt/%s and %s/decrypt/%[2]s, or renew it", cfg.Mount, cfg.Key, cfg.Mount)
	case status == http.StatusServiceUnavailable:
		return "unseal the server, then try again"
	case status == http.StatusNotFound:
		return "check the mount and the namespace: vault secrets list"
	}
	return "look into the server's log, then try again"
}

func (k *Keeper) fail(op, why, next string) error {
	return &pawl.Error{Op: op, On: k.KeyID(), Why: why, Next: next}
}
