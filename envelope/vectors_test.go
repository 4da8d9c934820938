package envelope_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/secret"
)

// vectors is testdata/sealed-3.json: docs/formats/envelope.md in examples,
// made by another implementation than this one. Bytes are in hexadecimal.
type vectors struct {
	Format    int    `json:"format"`
	KeeperKey string `json:"keeper_key"`
	DataKeys  []struct {
		ID                            uint32
		Scope, Keeper, Wrapped, Check string
		State                         envelope.KeyState
	} `json:"data_keys"`
	Good, Bad []struct {
		Name   string
		Place  [4]string
		Plain  string
		Sealed string
	}
	Fingerprint struct{ Plain, Digest string }
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/sealed-3.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if v.Format != 3 || len(v.Good) == 0 || len(v.Bad) == 0 {
		t.Fatalf("format %d, %d good and %d bad examples", v.Format, len(v.Good), len(v.Bad))
	}
	return v
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ring opens the examples' key ring.
func (v vectors) ring(t *testing.T) *envelope.Ring {
	t.Helper()
	keeper, err := envelope.NewKeyKeeper(unhex(t, v.KeeperKey))
	if err != nil {
		t.Fatal(err)
	}
	var keys []envelope.DataKey
	for _, k := range v.DataKeys {
		if k.Keeper != keeper.KeyID() {
			t.Errorf("the keeper's id is %s, want %s", keeper.KeyID(), k.Keeper)
		}
		keys = append(keys, envelope.DataKey{ID: k.ID, Scope: k.Scope, Keeper: k.Keeper, State: k.State, Wrapped: unhex(t, k.Wrapped), Check: unhex(t, k.Check)})
	}
	return newRing(t, keeper, keys...)
}

func TestVectors(t *testing.T) {
	v := readVectors(t)
	r := v.ring(t)
	for _, g := range v.Good {
		t.Run(g.Name, func(t *testing.T) {
			b := envelope.Binding{Scope: g.Place[0], Table: g.Place[1], Column: g.Place[2], Row: g.Place[3]}
			mustOpen(t, r, unhex(t, g.Sealed), b, string(unhex(t, g.Plain)))
		})
	}
	for _, bad := range v.Bad {
		t.Run(bad.Name, func(t *testing.T) {
			b := envelope.Binding{Scope: bad.Place[0], Table: bad.Place[1], Column: bad.Place[2], Row: bad.Place[3]}
			mustRefuse(t, r, unhex(t, bad.Sealed), b, bad.Name)
		})
	}
	if got := r.Fingerprint(secret.New(unhex(t, v.Fingerprint.Plain))); string(got) != v.Fingerprint.Digest {
		t.Errorf("the fingerprint is %s, want %s", got, v.Fingerprint.Digest)
	}
}
