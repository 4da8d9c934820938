package random

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, rand []byte) driver.Issuer {
	t.Helper()
	env := driver.Env{Now: func() time.Time { return noon }}
	if rand != nil {
		env.Rand = bytes.NewReader(rand)
	}
	c, err := New().Open(env, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.(driver.Issuer)
}

func request(settings estate.Settings, f secret.Format) driver.MintRequest {
	return driver.MintRequest{Target: driver.Target{Kind: "value", Settings: settings}, Format: f, Version: 7}
}

func TestMintObeysTheRules(t *testing.T) {
	f := secret.Format{Encoding: "hex", Bytes: 20, Prefix: "whsec_"}
	m, err := open(t, nil).Mint(t.Context(), request(nil, f))
	if err != nil {
		t.Fatal(err)
	}
	v := m.Value[secret.Single]
	if err := f.Check(v); err != nil || v.Len() != len("whsec_")+40 || len(m.Value) != 1 {
		t.Errorf("%d parts, %d bytes, %v", len(m.Value), v.Len(), err)
	}
	if m.Credential.ID != "v7" || !m.Credential.CreatedAt.Equal(noon) {
		t.Errorf("credential is %+v", m.Credential)
	}
}

func TestMintUsesTheEnvironmentsRandomness(t *testing.T) {
	m, err := open(t, bytes.Repeat([]byte{0xab}, 32)).Mint(t.Context(), request(nil, secret.Format{Encoding: "hex"}))
	if err != nil {
		t.Fatal(err)
	}
	if want := secret.NewString(string(bytes.Repeat([]byte("ab"), 32))); !m.Value[secret.Single].Equal(want) {
		t.Error("the value was not drawn from Env.Rand")
	}
}

func TestPartsAreDrawnApart(t *testing.T) {
	m, err := open(t, nil).Mint(t.Context(), request(estate.Settings{"parts": []string{"key", "salt"}}, secret.Format{}))
	if err != nil {
		t.Fatal(err)
	}
	key, salt := m.Value["key"], m.Value["salt"]
	if len(m.Value) != 2 || key.Empty() || salt.Empty() || key.Equal(salt) {
		t.Errorf("%d parts, key %d bytes, salt %d bytes, equal %v", len(m.Value), key.Len(), salt.Len(), key.Equal(salt))
	}
}

func TestMintRefuses(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		rand []byte
		r    driver.MintRequest
		kind driver.ErrorKind
	}{
		{"weak rules", t.Context(), nil, request(nil, secret.Format{Bytes: 2}), driver.Invalid},
		{"a PEM", t.Context(), nil, request(nil, secret.Format{PEM: "PRIVATE KEY"}), driver.Invalid},
		{"a part twice", t.Context(), nil, request(estate.Settings{"parts": []string{"a", "a"}}, secret.Format{}), driver.Invalid},
		{"a part without name", t.Context(), nil, request(estate.Settings{"parts": []string{""}}, secret.Format{}), driver.Invalid},
		{"too little randomness", t.Context(), []byte{1, 2, 3}, request(nil, secret.Format{}), driver.Invalid},
		{"another kind", t.Context(), nil, driver.MintRequest{Target: driver.Target{Kind: "token"}}, driver.Unsupported},
		{"a cancelled context", cancelled, nil, request(nil, secret.Format{}), driver.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := open(t, c.rand).Mint(c.ctx, c.r)
			var e *driver.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Effect != pawl.EffectNone {
				t.Errorf("error is %v, want %s with no effect", err, c.kind)
			}
		})
	}
}

func TestNothingToListOrRevoke(t *testing.T) {
	i := open(t, nil)
	_, listed := i.List(t.Context(), driver.Target{Kind: "value"})
	revoked := i.Revoke(t.Context(), driver.Target{Kind: "value"}, driver.Credential{ID: "v1"}, nil)
	for _, err := range []error{listed, revoked} {
		var e *driver.Error
		if !errors.As(err, &e) || e.Kind != driver.Unsupported || e.Effect != pawl.EffectNone {
			t.Errorf("error is %v, want unsupported", err)
		}
	}
}
