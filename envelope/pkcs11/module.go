//go:build pkcs11

package pkcs11

import (
	"errors"
	"fmt"

	p11 "github.com/miekg/pkcs11"

	"github.com/pawlhq/pawl"
)

// Module is a loaded PKCS#11 library. A process has one per library: keepers
// over several of its keys share it.
type Module struct {
	ctx  *p11.Ctx
	path string
	ours bool // initialised here, and so to be finalised here
}

// OpenModule loads a library and initialises it, for use by several threads.
func OpenModule(path string) (*Module, error) {
	m := &Module{ctx: p11.New(path), path: path}
	if m.ctx == nil {
		return nil, &pawl.Error{Code: pawl.CodeNotFound, Op: "load the PKCS#11 library", On: path, Why: "it is missing or is no such library",
			Next: "give the path of your token's library with module-path"}
	}
	err := m.ctx.Initialize()
	if m.ours = err == nil; !m.ours && !errors.Is(err, p11.Error(p11.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		m.ctx.Destroy()
		return nil, &pawl.Error{Op: "initialise the PKCS#11 library", On: path, Err: err, Next: "look into the library's own configuration"}
	}
	return m, nil
}

// Close unloads the library. Keepers over it are closed before.
func (m *Module) Close() error {
	var err error
	if m.ours {
		err = m.ctx.Finalize()
	}
	m.ctx.Destroy()
	return err
}

// slot finds the one token that has a label.
func (m *Module) slot(label string) (slot uint, login bool, err error) {
	slots, err := m.ctx.GetSlotList(true)
	if err != nil {
		return 0, false, fmt.Errorf("list the tokens: %w", err)
	}
	found := 0
	for _, s := range slots {
		info, err := m.ctx.GetTokenInfo(s)
		if err != nil || info.Label != label || info.Flags&p11.CKF_TOKEN_INITIALIZED == 0 {
			continue // an empty slot says nothing about others
		}
		slot, login, found = s, info.Flags&p11.CKF_LOGIN_REQUIRED != 0, found+1
	}
	if found != 1 {
		return 0, false, fmt.Errorf("%d tokens have the label, not one", found)
	}
	return slot, login, nil
}

// session is one session with the key's handle in it.
type session struct {
	handle p11.SessionHandle
	key    p11.ObjectHandle
}

// find finds the one AES key that has a label, and refuses one that could
// leave the token.
func (m *Module) find(in p11.SessionHandle, label string) (p11.ObjectHandle, error) {
	if err := m.ctx.FindObjectsInit(in, []*p11.Attribute{p11.NewAttribute(p11.CKA_CLASS, p11.CKO_SECRET_KEY),
		p11.NewAttribute(p11.CKA_KEY_TYPE, p11.CKK_AES), p11.NewAttribute(p11.CKA_LABEL, label)}); err != nil {
		return 0, fmt.Errorf("look for the key: %w", err)
	}
	found, _, err := m.ctx.FindObjects(in, 2)
	if err = errors.Join(err, m.ctx.FindObjectsFinal(in)); err != nil {
		return 0, fmt.Errorf("look for the key: %w", err)
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d AES keys have the label, not one", len(found))
	}
	for attribute, want := range map[uint]byte{p11.CKA_EXTRACTABLE: 0, p11.CKA_SENSITIVE: 1, p11.CKA_ENCRYPT: 1, p11.CKA_DECRYPT: 1} {
		got, err := m.ctx.GetAttributeValue(in, found[0], []*p11.Attribute{p11.NewAttribute(attribute, nil)})
		if err != nil {
			return 0, fmt.Errorf("look at the key: %w", err)
		}
		if len(got[0].Value) != 1 || got[0].Value[0] != want {
			return 0, errors.New("the key must be sensitive, not extractable, and for encryption and decryption")
		}
	}
	return found[0], nil
}
