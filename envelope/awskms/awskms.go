// Package awskms keeps data keys wrapped by a symmetric key of AWS KMS.
//
// The binding of a data key is the encryption context: pawl:key, the data key's
// id in decimal, and pawl:scope, its scope. CloudTrail logs both with each
// call, and policies can ask for them. The exact permissions, which confine a
// program to the data keys of one scope:
//
//	{
//	  "Effect": "Allow",
//	  "Action": ["kms:Encrypt", "kms:Decrypt"],
//	  "Resource": "arn:aws:kms:eu-central-1:111122223333:key/…",
//	  "Condition": {
//	    "StringEquals": {"kms:EncryptionContext:pawl:scope": "shop"},
//	    "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["pawl:key", "pawl:scope"]}
//	  }
//	}
//
// A program that only reads needs kms:Decrypt alone. What never changes data
// keys needs no kms:Encrypt.
//
// Wrap makes one call of Encrypt, Unwrap one of Decrypt; how often a failed one
// is tried again is the client's setting, and so is how long an answer may
// take: the SDK's own client waits as long as the context lets it. With kms:Decrypt the key is named, so
// that a ciphertext of another key is refused instead of opened.
//
// KMS keeps the key material of before a rotation and does not tell which one
// Encrypt used: Wrapped.Version is empty. Aliases are refused: when one moves,
// what was wrapped before would look like another key's.
package awskms

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// API is the calls that a keeper makes. *kms.Client is one.
type API interface {
	Encrypt(context.Context, *kms.EncryptInput, ...func(*kms.Options)) (*kms.EncryptOutput, error)
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// Keeper wraps data keys under one key. It is safe for concurrent use as far
// as its client is; *kms.Client is.
type Keeper struct {
	client API
	arn    string
	values map[string]string // the encryption context of legacy values
}

var (
	_ envelope.Keeper    = (*Keeper)(nil)
	_ envelope.ValueKeys = (*Keeper)(nil)
)

// New makes a keeper over the key of an ARN, "arn:aws:kms:…:key/…". It makes no
// call.
func New(client API, keyARN string) (*Keeper, error) {
	part := strings.Split(keyARN, ":")
	if len(part) != 6 || part[0] != "arn" || part[2] != "kms" || part[3] == "" || !strings.HasPrefix(part[5], "key/") || len(part[5]) == len("key/") {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "open the KMS key", On: keyARN, Why: "it is not the ARN of a key, arn:aws:kms:REGION:ACCOUNT:key/ID",
			Next: "aws kms describe-key --key-id " + keyARN + " --query KeyMetadata.Arn"}
	}
	return &Keeper{client: client, arn: keyARN}, nil
}

// Region gives the region that is in a key's ARN, "" where it has none. The
// client must be of that region.
func Region(keyARN string) string {
	if part := strings.Split(keyARN, ":"); len(part) == 6 {
		return part[3]
	}
	return ""
}

// WithValueContext gives a keeper whose UnwrapValueKey sends this encryption
// context, which is the same for all values. Data keys have their own.
func (k *Keeper) WithValueContext(context map[string]string) *Keeper {
	with := *k
	with.values = maps.Clone(context)
	return &with
}

// KeyID is "awskms:" and the key's ARN.
func (k *Keeper) KeyID() string { return "awskms:" + k.arn }

// Wrap encrypts a data key.
func (k *Keeper) Wrap(ctx context.Context, dek []byte, b envelope.KeyBinding) (envelope.Wrapped, error) {
	out, err := k.client.Encrypt(ctx, &kms.EncryptInput{KeyId: &k.arn, Plaintext: dek, EncryptionContext: b.Pairs()})
	if err != nil {
		return envelope.Wrapped{}, k.fail("Encrypt", err)
	}
	if len(out.CiphertextBlob) == 0 || aws.ToString(out.KeyId) != k.arn {
		return envelope.Wrapped{}, k.fail("Encrypt", errors.New("the answer is of another key, or empty"))
	}
	return envelope.Wrapped{Key: out.CiphertextBlob}, nil
}

// Unwrap decrypts a data key. A ciphertext that is changed, of another key or
// of another binding is envelope.ErrUnwrap.
func (k *Keeper) Unwrap(ctx context.Context, wrapped []byte, b envelope.KeyBinding) ([]byte, error) {
	return k.decrypt(ctx, wrapped, b.Pairs())
}

// UnwrapValueKey decrypts the key that a value of the legacy format 2 carries,
// with the encryption context of WithValueContext or none. The permission is
// kms:Decrypt without the condition on the context.
func (k *Keeper) UnwrapValueKey(ctx context.Context, wrapped []byte) ([]byte, error) {
	return k.decrypt(ctx, wrapped, k.values)
}

// maxBlob is how long a ciphertext can be (API reference: Decrypt).
const maxBlob = 6144

func (k *Keeper) decrypt(ctx context.Context, wrapped []byte, pairs map[string]string) ([]byte, error) {
	if len(wrapped) == 0 || len(wrapped) > maxBlob { // the service calls it a wrong request
		return nil, envelope.ErrUnwrap
	}
	out, err := k.client.Decrypt(ctx, &kms.DecryptInput{KeyId: &k.arn, CiphertextBlob: wrapped, EncryptionContext: pairs})
	var changed *types.InvalidCiphertextException
	var other *types.IncorrectKeyException
	switch {
	case errors.As(err, &changed):
		return nil, fmt.Errorf("Decrypt with %s: InvalidCiphertextException: %w", k.arn, envelope.ErrUnwrap)
	case errors.As(err, &other):
		return nil, fmt.Errorf("Decrypt with %s: IncorrectKeyException: %w", k.arn, envelope.ErrUnwrap)
	case err != nil:
		return nil, k.fail("Decrypt", err)
	case len(out.Plaintext) == 0 || aws.ToString(out.KeyId) != k.arn:
		return nil, k.fail("Decrypt", errors.New("the answer is of another key, or empty"))
	}
	return out.Plaintext, nil
}

// fail makes the error of a call that could not look. The service's code is in
// its text.
func (k *Keeper) fail(op string, err error) error {
	return &pawl.Error{Op: op, On: k.arn, Err: err, Next: next(op, err)}
}

// next says what to do about an error, by its code (API reference: Common
// errors, Decrypt, Encrypt).
func next(op string, err error) string {
	var said smithy.APIError
	if !errors.As(err, &said) {
		return "check the credentials, the region and the way to AWS KMS, then try again"
	}
	switch said.ErrorCode() {
	case "AccessDeniedException":
		return "allow kms:" + op + " on the key for this identity, with the conditions that docs/use/key-keepers.md has"
	case "DisabledException":
		return "aws kms enable-key --key-id KEY"
	case "KMSInvalidStateException":
		return "look at the key's state; a deletion is called off with aws kms cancel-key-deletion --key-id KEY"
	case "NotFoundException":
		return "check the ARN, its region and its account"
	case "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "MissingAuthenticationTokenException":
		return "give this process valid AWS credentials"
	case "ThrottlingException", "LimitExceededException":
		return "wait, then try again; the quota is the account's"
	}
	return "try again; if it stays, look at the AWS Health Dashboard"
}
