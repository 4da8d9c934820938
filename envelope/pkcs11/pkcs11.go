//go:build pkcs11

package pkcs11

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	p11 "github.com/miekg/pkcs11"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

const (
	nonceSize  = 12
	tagSize    = 16
	maxWrapped = 64 << 10 // bounds what is given to the token
)

// Config says which key of which token wraps.
type Config struct {
	Module        *Module
	Token, Object string // labels
	// PIN gives the user's PIN. It is asked at each login: the first, and
	// those after the token was lost. One that was refused is not tried again,
	// for tokens lock themselves.
	PIN      func(context.Context) (string, error)
	Sessions int // how many calls may be under way at once; 0 is 4
}

// Keeper wraps data keys under one key of a token. It is safe for concurrent
// use.
type Keeper struct {
	cfg    Config
	id     string
	owned  *Module       // closed with the keeper
	pool   chan *session // nil is one that is not open
	closed chan struct{}
	once   sync.Once

	login   sync.Mutex
	refused [32]byte // hash of the PIN that the token did not take
}

// Open loads a URI's library and opens its key. Close closes both.
func Open(ctx context.Context, u URI, pin func(context.Context) (string, error)) (*Keeper, error) {
	m, err := OpenModule(u.Module)
	if err != nil {
		return nil, err
	}
	k, err := New(ctx, Config{Module: m, Token: u.Token, Object: u.Object, PIN: pin})
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	k.owned = m
	return k, nil
}

// New opens a key: it logs in, and looks at the key's attributes.
func New(ctx context.Context, cfg Config) (*Keeper, error) {
	if cfg.Sessions < 1 {
		cfg.Sessions = 4
	}
	k := &Keeper{cfg: cfg, id: URI{Token: cfg.Token, Object: cfg.Object}.KeyID(), pool: make(chan *session, cfg.Sessions), closed: make(chan struct{})}
	first, err := k.open(ctx)
	if err != nil {
		return nil, k.fail("open", err)
	}
	k.pool <- first
	for len(k.pool) < cfg.Sessions {
		k.pool <- nil
	}
	return k, nil
}

// Close ends the keeper's sessions when the calls under way are done. Keepers
// that share a token share its login; it stays while one of them has sessions.
func (k *Keeper) Close() error {
	var err error
	k.once.Do(func() {
		close(k.closed)
		for range k.cfg.Sessions {
			if s := <-k.pool; s != nil {
				_ = k.cfg.Module.ctx.CloseSession(s.handle) // it may be lost already
			}
		}
		if k.owned != nil {
			err = k.owned.Close()
		}
	})
	return err
}

// KeyID is the key's URI (RFC 7512), "pkcs11:token=…;object=…".
func (k *Keeper) KeyID() string { return k.id }

// Wrap encrypts a data key under a random nonce.
func (k *Keeper) Wrap(ctx context.Context, dek []byte, b envelope.KeyBinding) (envelope.Wrapped, error) {
	dek, aad := bytes.Clone(dek), b.Bytes()
	out, err := k.do(ctx, func(s *session) ([]byte, error) { return k.seal(s, dek, aad) }, func() { clear(dek) })
	if err != nil {
		return envelope.Wrapped{}, k.fail("encrypt with", err)
	}
	return envelope.Wrapped{Key: out}, nil
}

// Unwrap decrypts a data key. One that is changed, of another key or of another
// binding is envelope.ErrUnwrap.
func (k *Keeper) Unwrap(ctx context.Context, wrapped []byte, b envelope.KeyBinding) ([]byte, error) {
	if len(wrapped) <= nonceSize+tagSize || len(wrapped) > maxWrapped {
		return nil, envelope.ErrUnwrap
	}
	wrapped, aad := bytes.Clone(wrapped), b.Bytes()
	dek, err := k.do(ctx, func(s *session) ([]byte, error) { return k.judge(s, wrapped, aad) }, func() {})
	if err != nil {
		return nil, k.fail("decrypt with", err)
	}
	return dek, nil
}

// result is what a call into the module ended with.
type result struct {
	out []byte
	err error
}

// do runs work in a session. A module cannot be interrupted: when the context
// ends first, the call goes on alone and then gives its session back.
func (k *Keeper) do(ctx context.Context, work func(*session) ([]byte, error), after func()) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var s *session
	select {
	case <-k.closed:
		return nil, errors.New("the keeper is closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	case s = <-k.pool:
	}
	done := make(chan result, 1)
	go func() {
		defer after()
		s, r := k.attempt(ctx, s, work)
		k.pool <- s
		done <- r
	}()
	select {
	case r := <-done:
		return r.out, r.err
	case <-ctx.Done():
		go func() { clear((<-done).out) }()
		return nil, ctx.Err()
	}
}

// attempt runs work, and once more in a new session when the old one was lost:
// a token that was pulled out and put back ends all of them.
func (k *Keeper) attempt(ctx context.Context, s *session, work func(*session) ([]byte, error)) (*session, result) {
	for fresh := s == nil; ; fresh = true {
		if s == nil {
			var err error
			if s, err = k.open(ctx); err != nil {
				return nil, result{err: err}
			}
		}
		out, err := work(s)
		if !lost(err) {
			return s, result{out, err}
		}
		_ = k.cfg.Module.ctx.CloseSession(s.handle) // it is lost
		s = nil
		if fresh {
			return nil, result{err: err}
		}
	}
}

// lost reports whether an error is about the session or the login, and not
// about what was asked.
func lost(err error) bool { return among(err, lostCodes()) }

func among(err error, codes []uint) bool {
	var code p11.Error
	return errors.As(err, &code) && slices.Contains(codes, uint(code))
}

// lostCodes are those after which a new session may work (PKCS#11 2.40,
// section 5.1).
func lostCodes() []uint {
	return []uint{p11.CKR_SESSION_HANDLE_INVALID, p11.CKR_SESSION_CLOSED, p11.CKR_USER_NOT_LOGGED_IN, p11.CKR_DEVICE_REMOVED, p11.CKR_TOKEN_NOT_PRESENT,
		p11.CKR_DEVICE_ERROR, p11.CKR_KEY_HANDLE_INVALID, p11.CKR_OBJECT_HANDLE_INVALID, p11.CKR_CRYPTOKI_NOT_INITIALIZED}
}

// open opens a session, logs in where nobody has, and finds the key.
func (k *Keeper) open(ctx context.Context) (*session, error) {
	m := k.cfg.Module
	slot, login, err := m.slot(k.cfg.Token)
	if err != nil {
		return nil, err
	}
	handle, err := m.ctx.OpenSession(slot, p11.CKF_SERIAL_SESSION)
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	if login {
		err = k.enter(ctx, handle)
	}
	s := &session{handle: handle}
	if err == nil {
		s.key, err = m.find(handle, k.cfg.Object)
	}
	if err != nil {
		return nil, errors.Join(err, m.ctx.CloseSession(handle))
	}
	return s, nil
}

// enter logs in. The login is one for all sessions of the process.
func (k *Keeper) enter(ctx context.Context, in p11.SessionHandle) error {
	k.login.Lock()
	defer k.login.Unlock()
	info, err := k.cfg.Module.ctx.GetSessionInfo(in)
	if err == nil && (info.State == p11.CKS_RO_USER_FUNCTIONS || info.State == p11.CKS_RW_USER_FUNCTIONS) {
		return nil
	}
	pin, err := k.cfg.PIN(ctx)
	if err != nil {
		return fmt.Errorf("read the PIN: %w", err)
	}
	sum := sha256.Sum256([]byte(pin))
	if sum == k.refused {
		return errors.New("the token has refused this PIN before, and it is not tried again")
	}
	err = k.cfg.Module.ctx.Login(in, p11.CKU_USER, pin)
	if errors.Is(err, p11.Error(p11.CKR_USER_ALREADY_LOGGED_IN)) {
		return nil
	}
	if errors.Is(err, p11.Error(p11.CKR_PIN_INCORRECT)) {
		k.refused = sum
	}
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

func (k *Keeper) seal(s *session, plain, aad []byte) ([]byte, error) {
	nonce := make([]byte, nonceSize)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	params := p11.NewGCMParams(nonce, aad, tagSize*8)
	defer params.Free()
	if err := k.cfg.Module.ctx.EncryptInit(s.handle, mechanism(params), s.key); err != nil {
		return nil, err
	}
	out, err := k.cfg.Module.ctx.Encrypt(s.handle, plain)
	if err != nil {
		return nil, err
	}
	if used := params.IV(); len(used) == nonceSize { // some tokens take one of their own
		nonce = used
	}
	if len(out) != len(plain)+tagSize {
		return nil, fmt.Errorf("the token gave %d bytes for %d", len(out), len(plain))
	}
	return append(nonce, out...), nil
}

func (k *Keeper) unseal(s *session, wrapped, aad []byte) ([]byte, error) {
	params := p11.NewGCMParams(wrapped[:nonceSize], aad, tagSize*8)
	defer params.Free()
	if err := k.cfg.Module.ctx.DecryptInit(s.handle, mechanism(params), s.key); err != nil {
		return nil, err
	}
	return k.cfg.Module.ctx.Decrypt(s.handle, wrapped[nonceSize:])
}

func mechanism(params *p11.GCMParams) []*p11.Mechanism {
	return []*p11.Mechanism{p11.NewMechanism(p11.CKM_AES_GCM, params)}
}

// aeadFailed is CKR_AEAD_DECRYPT_FAILED of PKCS#11 3.0.
const aeadFailed = 0x42

// judge decrypts, and tells bytes that are not authentic from a token that
// cannot do its work. Version 2.40 has no code for the first, and many tokens,
// SoftHSM too, say CKR_GENERAL_ERROR. Then the token has to show that it works:
// it seals and opens something else, and is asked again.
func (k *Keeper) judge(s *session, wrapped, aad []byte) ([]byte, error) {
	plain, err := k.unseal(s, wrapped, aad)
	switch {
	case err == nil:
		return plain, nil
	case among(err, []uint{p11.CKR_ENCRYPTED_DATA_INVALID, p11.CKR_ENCRYPTED_DATA_LEN_RANGE, aeadFailed}):
		return nil, fmt.Errorf("%w (%w)", envelope.ErrUnwrap, err)
	case !among(err, []uint{p11.CKR_GENERAL_ERROR, p11.CKR_FUNCTION_FAILED, p11.CKR_DATA_INVALID, p11.CKR_DATA_LEN_RANGE}):
		return nil, err
	}
	probe, failed := k.seal(s, make([]byte, 32), aad)
	if failed == nil {
		_, failed = k.unseal(s, probe, aad)
	}
	if failed != nil {
		return nil, errors.Join(err, failed)
	}
	if plain, again := k.unseal(s, wrapped, aad); again == nil {
		return plain, nil
	}
	return nil, fmt.Errorf("%w (%w)", envelope.ErrUnwrap, err)
}

func (k *Keeper) fail(op string, err error) error {
	next := "look at the token: pkcs11-tool --module LIBRARY --list-token-slots"
	if among(err, []uint{p11.CKR_PIN_INCORRECT, p11.CKR_PIN_INVALID, p11.CKR_PIN_LEN_RANGE, p11.CKR_PIN_EXPIRED}) {
		next = "correct the PIN before the token locks itself"
	}
	return &pawl.Error{Op: op, On: k.id, Err: err, Next: next}
}
