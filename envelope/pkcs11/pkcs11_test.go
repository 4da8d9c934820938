//go:build pkcs11

package pkcs11_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	p11 "github.com/miekg/pkcs11"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keepertest"
	"github.com/pawlhq/pawl/envelope/pkcs11"
)

const (
	soPIN = "87654321-so"
	pin   = "12345678-user"
)

// library is where distributions install SoftHSM.
func library(t *testing.T) string {
	t.Helper()
	for _, path := range []string{os.Getenv("PAWL_SOFTHSM"), "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
		"/usr/lib64/pkcs11/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatal("SoftHSM is missing: install softhsm2 (the name of Debian's package), or set PAWL_SOFTHSM to its library")
	return ""
}

// site is a SoftHSM with one token, in a folder of its own.
type site struct {
	ctx    *p11.Ctx
	module *pkcs11.Module
	pin    atomic.Value // what keepers log in with
	hangs  atomic.Bool  // nobody gives the PIN
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	module, err := pkcs11.OpenModule(library(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = module.Close() }) // a test may have closed it
	s := &site{module: module, ctx: p11.New(library(t))}
	t.Cleanup(s.ctx.Destroy)
	s.pin.Store(pin)
	s.fill(t)
	return s
}

// fill makes the token with its keys.
func (s *site) fill(t *testing.T) {
	t.Helper()
	slots, err := s.ctx.GetSlotList(true)
	must(t, err)
	must(t, s.ctx.InitToken(slots[0], soPIN, "pawl"))
	slots, err = s.ctx.GetSlotList(true)
	must(t, err)
	session, err := s.ctx.OpenSession(slots[0], p11.CKF_SERIAL_SESSION|p11.CKF_RW_SESSION)
	must(t, err)
	must(t, s.ctx.Login(session, p11.CKU_SO, soPIN))
	must(t, s.ctx.InitPIN(session, pin))
	must(t, s.ctx.Logout(session))
	must(t, s.ctx.Login(session, p11.CKU_USER, pin))
	for _, key := range []struct {
		label       string
		extractable bool
	}{{"data", false}, {"other", false}, {"twice", false}, {"twice", false}, {"loose", true}} {
		_, err := s.ctx.GenerateKey(session, []*p11.Mechanism{p11.NewMechanism(p11.CKM_AES_KEY_GEN, nil)}, []*p11.Attribute{
			p11.NewAttribute(p11.CKA_CLASS, p11.CKO_SECRET_KEY), p11.NewAttribute(p11.CKA_KEY_TYPE, p11.CKK_AES), p11.NewAttribute(p11.CKA_VALUE_LEN, 32),
			p11.NewAttribute(p11.CKA_LABEL, key.label), p11.NewAttribute(p11.CKA_TOKEN, true), p11.NewAttribute(p11.CKA_SENSITIVE, true),
			p11.NewAttribute(p11.CKA_EXTRACTABLE, key.extractable), p11.NewAttribute(p11.CKA_ENCRYPT, true), p11.NewAttribute(p11.CKA_DECRYPT, true)})
		must(t, err)
	}
	s.drop(t)
}

// drop ends all sessions with all tokens, as when they are pulled out. Slots
// have other numbers after each initialisation.
func (s *site) drop(t *testing.T) {
	t.Helper()
	slots, err := s.ctx.GetSlotList(true)
	must(t, err)
	for _, slot := range slots {
		must(t, s.ctx.CloseAllSessions(slot))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) try(t *testing.T, object string) (*pkcs11.Keeper, error) {
	t.Helper()
	return pkcs11.New(t.Context(), pkcs11.Config{Module: s.module, Token: "pawl", Object: object, Sessions: 3,
		PIN: func(ctx context.Context) (string, error) {
			if s.hangs.Load() {
				<-ctx.Done()
				return "", ctx.Err()
			}
			return s.pin.Load().(string), nil
		}})
}

func (s *site) open(t *testing.T, object string) *pkcs11.Keeper {
	t.Helper()
	k, err := s.try(t, object)
	must(t, err)
	t.Cleanup(func() { _ = k.Close() }) // a test may have closed it
	return k
}

func TestConforms(t *testing.T) {
	keepertest.Run(t, func(t *testing.T) keepertest.Subject {
		s := newSite(t)
		return keepertest.Subject{Keeper: s.open(t, "data"), Again: s.open(t, "data"), Other: s.open(t, "other"), Hidden: []string{pin, soPIN},
			Break: map[keepertest.Outage]func(*testing.T) func(){
				keepertest.Gone: func(t *testing.T) func() {
					must(t, s.ctx.Finalize())
					return func() { must(t, s.ctx.Initialize()) }
				},
				keepertest.Hanging: func(t *testing.T) func() {
					s.hangs.Store(true)
					s.drop(t)
					return func() { s.hangs.Store(false) }
				},
				keepertest.Denied: func(t *testing.T) func() {
					s.pin.Store("a wrong PIN")
					s.drop(t)
					return func() { s.pin.Store(pin) }
				},
			}}
	})
}

var at = envelope.KeyBinding{ID: 1, Scope: "shop"}

// TestALostSessionIsOpenedAnew: a token that was pulled out and put back costs
// nobody a call.
func TestALostSessionIsOpenedAnew(t *testing.T) {
	s := newSite(t)
	k := s.open(t, "data")
	w, err := k.Wrap(t.Context(), []byte("an example key"), at)
	must(t, err)
	for range 5 {
		s.drop(t)
		if got, err := k.Unwrap(t.Context(), w.Key, at); err != nil || string(got) != "an example key" {
			t.Fatalf("after its sessions were lost: %v", err)
		}
		if _, err := k.Wrap(t.Context(), []byte("an example key"), at); err != nil {
			t.Fatalf("wrap after its sessions were lost: %v", err)
		}
	}
	must(t, k.Close())
	must(t, k.Close())
	if _, err := k.Unwrap(t.Context(), w.Key, at); err == nil || errors.Is(err, envelope.ErrUnwrap) {
		t.Errorf("a closed keeper: %v", err)
	}
}

// TestAWrongPINIsTriedOnce: the third wrong one locks many tokens for good.
func TestAWrongPINIsTriedOnce(t *testing.T) {
	s := newSite(t)
	k := s.open(t, "data")
	s.drop(t)
	s.pin.Store("a wrong PIN")
	for i := range 4 {
		_, err := k.Wrap(t.Context(), []byte("an example key"), at)
		if err == nil || strings.Contains(err.Error(), "a wrong PIN") {
			t.Fatalf("%v", err)
		}
		if again := strings.Contains(err.Error(), "not tried again"); again != (i > 0) {
			t.Errorf("attempt %d: %v", i+1, err)
		}
	}
	s.pin.Store(pin)
	if _, err := k.Wrap(t.Context(), []byte("an example key"), at); err != nil {
		t.Errorf("with the right PIN: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	s := newSite(t)
	for object, why := range map[string]string{"twice": "2 AES keys", "none": "0 AES keys", "loose": "not extractable"} {
		if _, err := s.try(t, object); err == nil || !strings.Contains(err.Error(), why) || pawl.HintOf(err) == "" {
			t.Errorf("%s: %v", object, err)
		}
	}
	if _, err := pkcs11.New(t.Context(), pkcs11.Config{Module: s.module, Token: "another", Object: "data"}); err == nil || !strings.Contains(err.Error(), "0 tokens") {
		t.Errorf("another token: %v", err)
	}
	if _, err := pkcs11.OpenModule(filepath.Join(t.TempDir(), "none.so")); pawl.CodeOf(err) != pawl.CodeNotFound {
		t.Errorf("no library: %v", err)
	}
}

// TestLayout holds what is wrapped to its documented form.
func TestLayout(t *testing.T) {
	s := newSite(t)
	k := s.open(t, "data")
	dek := bytes.Repeat([]byte{7}, 32)
	w, err := k.Wrap(t.Context(), dek, at)
	must(t, err)
	if len(w.Key) != 12+32+16 || k.KeyID() != "pkcs11:token=pawl;object=data" {
		t.Errorf("%d bytes, %s", len(w.Key), k.KeyID())
	}
}
