package github

import (
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/pawlhq/pawl/vendorsim"
)

// Limits of secrets, from GitHub's "Secrets reference".
const (
	maxValue    = 48 << 10
	maxSecrets  = 100  // of a repository or an environment
	maxOrg      = 1000 // of an organisation
	fromOrgSeen = 100  // of an organisation's, by alphabet, reach a workflow
)

var secretName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// vault is one place for secrets with its own key pair.
type vault struct {
	keyID           string
	public, private *[32]byte
	secrets         map[string]*kept
}

// kept is one secret. The last two fields are for organisations.
type kept struct {
	value                string
	createdAt, updatedAt time.Time
	visibility           string
	selected             []int64
}

// key gives the public key. The pair is made when it is first asked for,
// because making one costs more than everything else in a new stand-in.
func (v *vault) key(rand io.Reader) (id, key string) {
	if v.public == nil {
		public, private, err := box.GenerateKey(rand)
		if err != nil {
			panic("github: the source of randomness failed: " + err.Error())
		}
		v.public, v.private = public, private
		v.keyID = "33804495" + fmt.Sprintf("%x", []byte(vendorsim.Random(rand, 5)))
	}
	return v.keyID, base64.StdEncoding.EncodeToString(v.public[:])
}

// open gives the value in a sealed box, or why it cannot be read.
func (v *vault) open(keyID, sealed string) (value, problem string) {
	if v.public == nil || keyID != v.keyID {
		return "", "The key_id is not that of the public key"
	}
	b, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return "", "encrypted_value is not base64"
	}
	plain, ok := box.OpenAnonymous(nil, b, v.public, v.private)
	switch {
	case !ok:
		return "", "encrypted_value cannot be decrypted with the public key"
	case len(plain) > maxValue:
		return "", "the value is larger than 48 KB"
	default:
		return string(plain), ""
	}
}

// put stores a value and reports whether it made the secret.
func (v *vault) put(name, value string, now time.Time) (*kept, bool) {
	if v.secrets == nil {
		v.secrets = map[string]*kept{}
	}
	k, ok := v.secrets[name]
	if !ok {
		k = &kept{createdAt: now}
		v.secrets[name] = k
	}
	k.value, k.updatedAt = value, now
	return k, !ok
}

// canonical is how GitHub keeps a name; "" is a name that it refuses.
func canonical(name string) string {
	name = strings.ToUpper(name)
	if !secretName.MatchString(name) || strings.HasPrefix(name, "GITHUB_") {
		return ""
	}
	return name
}
