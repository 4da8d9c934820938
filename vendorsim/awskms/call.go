package awskms

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// call is one call by an identity.
type call struct {
	*route.Call
	kms  *KMS
	who  *identity
	name string
	in   struct {
		KeyId, SourceKeyId, DestinationKeyId                                     string
		Plaintext, CiphertextBlob                                                []byte
		EncryptionContext, SourceEncryptionContext, DestinationEncryptionContext map[string]string
		KeySpec                                                                  string
		NumberOfBytes                                                            int
	}
}

// calls are the calls, by name.
func calls() map[string]func(*call) {
	return map[string]func(*call){"Encrypt": (*call).encrypt, "Decrypt": (*call).decrypt, "ReEncrypt": (*call).reEncrypt,
		"GenerateDataKey": (*call).generate, "DescribeKey": (*call).describe}
}

const symmetric = "SYMMETRIC_DEFAULT"

// read decodes the call's fields and holds them to their lengths (API
// reference: Plaintext 1 to 4096 bytes, CiphertextBlob 1 to 6144).
func (c *call) read(body []byte) bool {
	if json.Unmarshal(body, &c.in) != nil {
		fail(c.Call, "SerializationException", "")
		return false
	}
	why := ""
	switch {
	case c.name == "Encrypt" && (len(c.in.Plaintext) == 0 || len(c.in.Plaintext) > 4096):
		why = "Value at 'plaintext' failed to satisfy constraint: Member must have length between 1 and 4096"
	case (c.name == "Decrypt" || c.name == "ReEncrypt") && (len(c.in.CiphertextBlob) == 0 || len(c.in.CiphertextBlob) > 6144):
		why = "Value at 'ciphertextBlob' failed to satisfy constraint: Member must have length between 1 and 6144"
	}
	if why != "" {
		fail(c.Call, "ValidationException", "1 validation error detected: "+why)
	}
	return why == ""
}

// usable gives the key of a name when the identity may do the action with it,
// and answers otherwise.
func (c *call) usable(name, action string, context map[string]string) *key {
	key := c.kms.find(name)
	switch {
	case key == nil:
		fail(c.Call, "NotFoundException", "Key '"+name+"' does not exist")
	case !c.allowed(action, context):
		fail(c.Call, "AccessDeniedException", "User: arn:aws:iam::"+Account+":user/"+c.who.name+" is not authorized to perform: kms:"+action+
			" on resource: "+key.arn+" because no identity-based policy allows the kms:"+action+" action")
	case action == "DescribeKey" || key.state == Enabled:
		return key
	case key.state == Disabled:
		fail(c.Call, "DisabledException", key.arn+" is disabled.")
	default:
		fail(c.Call, "KMSInvalidStateException", key.arn+" is pending deletion.")
	}
	return nil
}

func (c *call) allowed(action string, context map[string]string) bool {
	if !slices.Contains(c.who.policy.Actions, action) {
		return false
	}
	for name, value := range c.who.policy.Context {
		if got, ok := context[name]; !ok || got != value {
			return false
		}
	}
	return true
}

func (c *call) encrypt() {
	if key := c.usable(c.in.KeyId, "Encrypt", c.in.EncryptionContext); key != nil {
		c.JSON(http.StatusOK, map[string]any{"KeyId": key.arn, "EncryptionAlgorithm": symmetric,
			"CiphertextBlob": c.kms.seal(key, c.in.Plaintext, c.in.EncryptionContext)})
	}
}

func (c *call) decrypt() {
	if key, plain, ok := c.opened(c.in.KeyId, "Decrypt", c.in.EncryptionContext); ok {
		c.JSON(http.StatusOK, map[string]any{"KeyId": key.arn, "EncryptionAlgorithm": symmetric, "Plaintext": plain})
	}
}

// opened decrypts the call's blob. Without a name the key is the one that the
// blob has.
func (c *call) opened(name, action string, context map[string]string) (*key, []byte, bool) {
	from, plain, ok := c.kms.open(c.in.CiphertextBlob, context)
	if name == "" {
		if from == nil {
			fail(c.Call, "InvalidCiphertextException", "")
			return nil, nil, false
		}
		name = from.arn
	}
	key := c.usable(name, action, context)
	switch {
	case key == nil:
		return nil, nil, false
	case from != nil && from != key:
		fail(c.Call, "IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.")
	case !ok:
		fail(c.Call, "InvalidCiphertextException", "")
	default:
		return key, plain, true
	}
	return nil, nil, false
}

func (c *call) reEncrypt() {
	from, plain, ok := c.opened(c.in.SourceKeyId, "ReEncryptFrom", c.in.SourceEncryptionContext)
	if !ok {
		return
	}
	if to := c.usable(c.in.DestinationKeyId, "ReEncryptTo", c.in.DestinationEncryptionContext); to != nil {
		c.JSON(http.StatusOK, map[string]any{"SourceKeyId": from.arn, "KeyId": to.arn, "SourceEncryptionAlgorithm": symmetric,
			"DestinationEncryptionAlgorithm": symmetric, "CiphertextBlob": c.kms.seal(to, plain, c.in.DestinationEncryptionContext)})
	}
}

func (c *call) generate() {
	n := map[string]int{"AES_128": 16, "AES_256": 32, "": c.in.NumberOfBytes}[c.in.KeySpec]
	if n < 1 || n > 1024 {
		fail(c.Call, "ValidationException", "Please specify either number of bytes or key spec.")
		return
	}
	if key := c.usable(c.in.KeyId, "GenerateDataKey", c.in.EncryptionContext); key != nil {
		plain := c.kms.random(n)
		c.JSON(http.StatusOK, map[string]any{"KeyId": key.arn, "Plaintext": plain, "CiphertextBlob": c.kms.seal(key, plain, c.in.EncryptionContext)})
	}
}

func (c *call) describe() {
	if key := c.usable(c.in.KeyId, "DescribeKey", nil); key != nil {
		c.JSON(http.StatusOK, map[string]any{"KeyMetadata": map[string]any{"AWSAccountId": Account, "KeyId": key.id, "Arn": key.arn,
			"CreationDate": float64(key.createdAt.Unix()), "Enabled": key.state == Enabled, "KeyState": key.state, "KeyUsage": "ENCRYPT_DECRYPT",
			"KeySpec": symmetric, "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "MultiRegion": false, "EncryptionAlgorithms": []string{symmetric}}})
	}
}
