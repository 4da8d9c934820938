package awskms_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/awskms"
)

// dial gives the real client of an identity that may do everything.
func dial(t *testing.T, s *awskms.KMS) *kms.Client {
	t.Helper()
	server, err := vendorsim.Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	who := s.Allow("admin", awskms.Policy{Actions: []string{"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "DescribeKey"}})
	return kms.New(kms.Options{Region: awskms.Region, BaseEndpoint: &server.URL, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(who.ID, who.Secret, "")})
}

func code(err error) string {
	var said smithy.APIError
	if errors.As(err, &said) {
		return said.ErrorCode()
	}
	return ""
}

func TestKeysAndStates(t *testing.T) {
	s := awskms.New(awskms.Config{})
	client, arn := dial(t, s), s.AddKey()
	out, err := client.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &arn})
	if err != nil || !out.KeyMetadata.Enabled || *out.KeyMetadata.Arn != arn {
		t.Fatalf("describe: %v", err)
	}
	sealed, err := client.Encrypt(t.Context(), &kms.EncryptInput{KeyId: out.KeyMetadata.KeyId, Plaintext: []byte("hello")})
	if err != nil {
		t.Fatal(err)
	}
	for state, want := range map[string]string{awskms.Disabled: "DisabledException", awskms.PendingDeletion: "KMSInvalidStateException"} {
		s.SetState(arn, state)
		if _, err := client.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob}); code(err) != want {
			t.Errorf("%s: %v", state, err)
		}
	}
	s.SetState(arn, awskms.Enabled)
	got, err := client.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob})
	if err != nil || string(got.Plaintext) != "hello" || *got.KeyId != arn {
		t.Errorf("without a key's name: %v", err)
	}
}

func TestReEncrypt(t *testing.T) {
	s := awskms.New(awskms.Config{})
	client, a, b := dial(t, s), s.AddKey(), s.AddKey()
	one, two := map[string]string{"n": "1"}, map[string]string{"n": "2"}
	made, err := client.GenerateDataKey(t.Context(), &kms.GenerateDataKeyInput{KeyId: &a, KeySpec: "AES_256", EncryptionContext: one})
	if err != nil {
		t.Fatal(err)
	}
	moved, err := client.ReEncrypt(t.Context(), &kms.ReEncryptInput{CiphertextBlob: made.CiphertextBlob, SourceEncryptionContext: one, DestinationKeyId: &b, DestinationEncryptionContext: two})
	if err != nil || *moved.SourceKeyId != a || *moved.KeyId != b {
		t.Fatalf("re-encrypt: %v", err)
	}
	got, err := client.Decrypt(t.Context(), &kms.DecryptInput{KeyId: &b, CiphertextBlob: moved.CiphertextBlob, EncryptionContext: two})
	if err != nil || !bytes.Equal(got.Plaintext, made.Plaintext) {
		t.Errorf("after it: %v", err)
	}
	for want, in := range map[string]*kms.DecryptInput{
		"IncorrectKeyException":      {KeyId: &a, CiphertextBlob: moved.CiphertextBlob, EncryptionContext: two},
		"InvalidCiphertextException": {KeyId: &b, CiphertextBlob: moved.CiphertextBlob, EncryptionContext: one},
		"ValidationException":        {KeyId: &b, CiphertextBlob: make([]byte, 6145)},
		"NotFoundException":          {KeyId: aws.String("1234abcd-12ab-34cd-56ef-1234567890ab"), CiphertextBlob: moved.CiphertextBlob},
	} {
		if _, err := client.Decrypt(t.Context(), in); code(err) != want {
			t.Errorf("want %s: %v", want, err)
		}
	}
}

// TestLengthsDiffer: a caller that stores blobs in a fixed width must fail here.
func TestLengthsDiffer(t *testing.T) {
	s := awskms.New(awskms.Config{})
	client, arn := dial(t, s), s.AddKey()
	lengths := map[int]bool{}
	for range 40 {
		out, err := client.Encrypt(t.Context(), &kms.EncryptInput{KeyId: &arn, Plaintext: []byte("hello")})
		if err != nil {
			t.Fatal(err)
		}
		lengths[len(out.CiphertextBlob)] = true
	}
	if len(lengths) < 2 {
		t.Error("all blobs have one length")
	}
}
