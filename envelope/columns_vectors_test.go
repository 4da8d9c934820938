package envelope_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/pawlhq/pawl/envelope"
)

// columnVectors is testdata/columns-3.json: what docs/formats/envelope.md says
// of columns, in examples, made by another implementation than this one. Bytes
// are in hexadecimal, and so is what a column has (stored), also when it is a
// text.
type columnVectors struct {
	DirectKeys []struct {
		Key string
		ID  uint32
	} `json:"direct_keys"`
	Primary string
	Others  []string
	RowKeys []struct {
		Columns []string
		Key     string
	} `json:"row_keys"`
	Good, Bad []columnVector
	Legacy    struct {
		StaticKeys []string                        `json:"static_keys"`
		ValueKeys  []struct{ Wrapped, Key string } `json:"value_keys"`
		Values     []struct {
			Name, Plain, Stored string
			Format              int
			Texts               []string
		}
	}
}

// columnVector is a value of a row. A good one has it in both forms, a bad one
// in the form of its column.
type columnVector struct {
	Name, Scope, Table, Column string
	Row                        []string
	Plain, Sealed, Text        string
	IsText                     bool `json:"is_text"`
	MinFormat                  int  `json:"min_format"`
	Stored                     string
}

func readColumnVectors(t *testing.T) (v columnVectors) {
	t.Helper()
	b, err := os.ReadFile("testdata/columns-3.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Good) == 0 || len(v.Bad) == 0 || len(v.Legacy.Values) == 0 || len(v.RowKeys) == 0 || len(v.DirectKeys) == 0 {
		t.Fatal("examples are missing")
	}
	return v
}

// givenKeys is the keeper of the examples' wrapped keys.
type givenKeys map[string][]byte

func (g givenKeys) UnwrapValueKey(_ context.Context, wrapped []byte) ([]byte, error) {
	if key := g[string(wrapped)]; key != nil {
		return append([]byte{}, key...), nil
	}
	return nil, envelope.ErrUnwrap
}

// column gives the column of an example, with all keys and older formats.
func (v columnVectors) column(t *testing.T, c columnVector) *envelope.Column {
	t.Helper()
	var others, static [][]byte
	for _, k := range v.Others {
		others = append(others, unhex(t, k))
	}
	for _, k := range v.Legacy.StaticKeys {
		static = append(static, unhex(t, k))
	}
	given := givenKeys{}
	for _, k := range v.Legacy.ValueKeys {
		given[string(unhex(t, k.Wrapped))] = unhex(t, k.Key)
	}
	ring, err := envelope.DirectRing(unhex(t, v.Primary), others...)
	if err != nil {
		t.Fatal(err)
	}
	return &envelope.Column{Rings: ring, Table: c.Table, Name: c.Column, Text: c.IsText, MinFormat: c.MinFormat, Legacy: legacyReader(t, given, static...)}
}

func TestVectorsOfKeys(t *testing.T) {
	v := readColumnVectors(t)
	for _, k := range v.DirectKeys {
		if got := envelope.KeyIDOf(unhex(t, k.Key)); got != k.ID {
			t.Errorf("a direct key has the id %d, want %d", got, k.ID)
		}
	}
	for _, k := range v.RowKeys {
		if got := envelope.RowKey(k.Columns...); got != string(unhex(t, k.Key)) {
			t.Errorf("%q has the key %x, want %s", k.Columns, got, k.Key)
		}
	}
}

func TestVectorsOfColumns(t *testing.T) {
	v := readColumnVectors(t)
	for _, g := range v.Good {
		t.Run(g.Name, func(t *testing.T) {
			c, want := v.column(t, g), string(unhex(t, g.Plain))
			c.MinFormat = envelope.Format
			mustGive(t, c, g.Scope, envelope.RowKey(g.Row...), unhex(t, g.Sealed), want)
			c.Text = true
			mustGive(t, c, g.Scope, envelope.RowKey(g.Row...), []byte(g.Text), want)
			if got := envelope.AppendText(nil, unhex(t, g.Sealed)); string(got) != g.Text {
				t.Errorf("its text is %s", got)
			}
		})
	}
	for _, b := range v.Bad {
		t.Run(b.Name, func(t *testing.T) {
			mustNotGive(t, v.column(t, b), b.Scope, envelope.RowKey(b.Row...), unhex(t, b.Stored), b.Name)
		})
	}
}

func TestVectorsOfLegacyValues(t *testing.T) {
	v := readColumnVectors(t)
	for _, l := range v.Legacy.Values {
		t.Run(l.Name, func(t *testing.T) {
			stored := map[bool][][]byte{false: {unhex(t, l.Stored)}}
			for _, text := range l.Texts {
				stored[true] = append(stored[true], []byte(text))
			}
			for isText, all := range stored {
				for i, s := range all {
					c := v.column(t, columnVector{Table: "orgs", Column: "database_url", IsText: isText})
					mustGive(t, c, "acme", "42", s, string(unhex(t, l.Plain)))
					c.MinFormat = l.Format + 1
					mustNotGive(t, c, "acme", "42", s, fmt.Sprintf("text %t, %d, behind the fence", isText, i))
				}
			}
		})
	}
}
