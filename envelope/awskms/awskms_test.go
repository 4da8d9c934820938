package awskms_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/awskms"
	"github.com/pawlhq/pawl/envelope/keepertest"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/awskms"
)

// site is a KMS on loopback with two keys and an identity of exactly the
// permissions that the package documents.
type site struct {
	*sim.KMS
	url        string
	key, other string
	who        sim.Credentials
}

var documented = sim.Policy{Actions: []string{"Encrypt", "Decrypt"}}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{KMS: sim.New(sim.Config{})}
	s.key, s.other, s.who = s.AddKey(), s.AddKey(), s.Allow("shop", documented)
	server, err := vendorsim.Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	s.url = server.URL
	return s
}

// open opens a key with the real client, which does not try again.
func (s *site) open(t *testing.T, arn string, who sim.Credentials) *awskms.Keeper {
	t.Helper()
	client := kms.New(kms.Options{Region: awskms.Region(arn), BaseEndpoint: &s.url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(who.ID, who.Secret, "")})
	k, err := awskms.New(client, arn)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *site) fault(rule vendorsim.Rule) func(*testing.T) func() {
	return func(*testing.T) func() { s.Faults().Add(rule); return s.Faults().Clear }
}

func TestConforms(t *testing.T) {
	keepertest.Run(t, func(t *testing.T) keepertest.Subject {
		s := newSite(t)
		state := func(state string) func(*testing.T) func() {
			return func(*testing.T) func() {
				s.SetState(s.key, state)
				return func() { s.SetState(s.key, sim.Enabled) }
			}
		}
		return keepertest.Subject{Keeper: s.open(t, s.key, s.who), Again: s.open(t, s.key, s.who), Other: s.open(t, s.other, s.who), Hidden: s.Issued(),
			Rotate: func(*testing.T) { s.Rotate(s.key) },
			Break: map[keepertest.Outage]func(*testing.T) func(){
				keepertest.Gone:      s.fault(vendorsim.Rule{Kind: vendorsim.Before}),
				keepertest.Failing:   s.fault(vendorsim.Rule{Kind: vendorsim.Status, Body: `{"__type":"KMSInternalException","message":""}`}),
				keepertest.Throttled: s.fault(vendorsim.Rule{Kind: vendorsim.Status, Code: 400, Body: `{"__type":"ThrottlingException","message":"Rate exceeded"}`}),
				keepertest.Garbage:   s.fault(vendorsim.Rule{Kind: vendorsim.Garbage}),
				keepertest.Hanging:   s.fault(vendorsim.Rule{Kind: vendorsim.Hang}),
				keepertest.Disabled:  state(sim.Disabled),
				"pending deletion":   state(sim.PendingDeletion),
				keepertest.Denied: func(*testing.T) func() {
					s.SetPolicy(s.who, sim.Policy{})
					return func() { s.SetPolicy(s.who, documented) }
				},
			}}
	})
}

var at = envelope.KeyBinding{ID: 1, Scope: "shop"}

// TestThePolicyConfines: with the documented condition an identity has the
// data keys of its scope alone.
func TestThePolicyConfines(t *testing.T) {
	s := newSite(t)
	confined := s.open(t, s.key, s.Allow("confined", sim.Policy{Actions: documented.Actions, Context: map[string]string{"pawl:scope": "shop"}}))
	w, err := confined.Wrap(t.Context(), []byte("an example key"), at)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := confined.Unwrap(t.Context(), w.Key, at); err != nil || string(got) != "an example key" {
		t.Errorf("its own scope: %v", err)
	}
	w, err = s.open(t, s.key, s.who).Wrap(t.Context(), []byte("an example key"), envelope.KeyBinding{ID: 1, Scope: "bank"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = confined.Unwrap(t.Context(), w.Key, envelope.KeyBinding{ID: 1, Scope: "bank"})
	if err == nil || errors.Is(err, envelope.ErrUnwrap) || !strings.Contains(err.Error(), "AccessDeniedException") || !strings.Contains(pawl.HintOf(err), "kms:Decrypt") {
		t.Errorf("another scope, hint %q: %v", pawl.HintOf(err), err)
	}
}

// TestErrorsKeepTheCode holds that a person can look an error up, and is told
// what to do.
func TestErrorsKeepTheCode(t *testing.T) {
	s := newSite(t)
	forged := sim.Credentials{ID: s.who.ID, Secret: "another-secret-of-nobody"}
	gone := strings.Replace(s.key, s.key[len(s.key)-4:], "0000", 1)
	for code, err := range map[string]error{
		"InvalidSignatureException":   unwrapWith(t, s.open(t, s.key, forged)),
		"UnrecognizedClientException": unwrapWith(t, s.open(t, s.key, sim.Credentials{ID: "AKIAEXAMPLE", Secret: "another-secret-of-nobody"})),
		"NotFoundException":           unwrapWith(t, s.open(t, gone, s.who)),
	} {
		if err == nil || errors.Is(err, envelope.ErrUnwrap) || !strings.Contains(err.Error(), code) || pawl.HintOf(err) == "" {
			t.Errorf("%s, hint %q: %v", code, pawl.HintOf(err), err)
		}
	}
}

func unwrapWith(t *testing.T, k *awskms.Keeper) error {
	_, err := k.Unwrap(t.Context(), []byte("some bytes"), at)
	return err
}

// TestUnsignedIsRefused: the stand-in does not take just any call.
func TestUnsignedIsRefused(t *testing.T) {
	s := newSite(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "TrentService.Decrypt")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 400 || resp.Header.Get("X-Amzn-Errortype") != "MissingAuthenticationTokenException" {
		t.Errorf("%d %s", resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"))
	}
}

func TestNewRefuses(t *testing.T) {
	for _, arn := range []string{"", "pawl", "alias/pawl", "arn:aws:kms:eu-central-1:111122223333:alias/pawl", "arn:aws:kms:eu-central-1:111122223333:key/",
		"arn:aws:s3:eu-central-1:111122223333:key/x", "1234abcd-12ab-34cd-56ef-1234567890ab"} {
		if _, err := awskms.New(nil, arn); pawl.CodeOf(err) != pawl.CodeInvalid || pawl.HintOf(err) == "" {
			t.Errorf("%q: %v", arn, err)
		}
	}
}

// TestLegacyValues reads values that carry a key of GenerateDataKey.
func TestLegacyValues(t *testing.T) {
	s := newSite(t)
	all := s.Allow("legacy", sim.Policy{Actions: []string{"Decrypt", "GenerateDataKey"}})
	client := kms.New(kms.Options{Region: sim.Region, BaseEndpoint: &s.url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(all.ID, all.Secret, "")})
	pairs := map[string]string{"app": "shop"}
	out, err := client.GenerateDataKey(t.Context(), &kms.GenerateDataKeyInput{KeyId: &s.key, KeySpec: "AES_256", EncryptionContext: pairs})
	if err != nil {
		t.Fatal(err)
	}
	k := s.open(t, s.key, all)
	if got, err := k.WithValueContext(pairs).UnwrapValueKey(t.Context(), out.CiphertextBlob); err != nil || string(got) != string(out.Plaintext) {
		t.Errorf("with the context: %v", err)
	}
	if _, err := k.UnwrapValueKey(t.Context(), out.CiphertextBlob); !errors.Is(err, envelope.ErrUnwrap) {
		t.Errorf("without the context: %v", err)
	}
	if _, err := s.open(t, s.other, all).WithValueContext(pairs).UnwrapValueKey(t.Context(), out.CiphertextBlob); !errors.Is(err, envelope.ErrUnwrap) {
		t.Errorf("another key: %v", err)
	}
	s.SetState(s.key, sim.Disabled)
	if _, err := k.WithValueContext(pairs).UnwrapValueKey(t.Context(), out.CiphertextBlob); err == nil || errors.Is(err, envelope.ErrUnwrap) {
		t.Errorf("a disabled key: %v", err)
	}
}

// liar is a KMS that answers for another key than it was asked.
type liar struct{ awskms.API }

func (liar) Encrypt(context.Context, *kms.EncryptInput, ...func(*kms.Options)) (*kms.EncryptOutput, error) {
	return &kms.EncryptOutput{KeyId: aws.String("arn:aws:kms:eu-central-1:111122223333:key/other"), CiphertextBlob: []byte("x")}, nil
}

func (liar) Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	return &kms.DecryptOutput{KeyId: aws.String("arn:aws:kms:eu-central-1:111122223333:key/other"), Plaintext: []byte("x")}, nil
}

func TestAnAnswerOfAnotherKey(t *testing.T) {
	k, err := awskms.New(liar{}, "arn:aws:kms:eu-central-1:111122223333:key/mine")
	if err != nil {
		t.Fatal(err)
	}
	if w, err := k.Wrap(t.Context(), []byte("an example key"), at); err == nil || w.Key != nil {
		t.Errorf("wrap: %v", err)
	}
	if got, err := k.Unwrap(t.Context(), []byte("wrapped"), at); err == nil || got != nil {
		t.Errorf("unwrap: %v", err)
	}
}
