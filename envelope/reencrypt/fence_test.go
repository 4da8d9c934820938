package reencrypt_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/reencrypt"
)

func TestAFenceRefusesOlderFormats(t *testing.T) {
	long := strings.Repeat("é", 26) // with the prefix, it is longer than a name may be
	for _, tt := range []struct{ name, create, insert string }{
		{"a table", `CREATE TABLE orgs (id int PRIMARY KEY, "A" bytea, b text)`, `INSERT INTO orgs (id, "A", b) VALUES ($1, $2, $3)`},
		{"partitions", `CREATE TABLE orgs (id int PRIMARY KEY, "A" bytea, b text) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF orgs FOR VALUES FROM (0) TO (100)`, `INSERT INTO orgs (id, "A", b) VALUES ($1, $2, $3)`},
		{"long names", `CREATE TABLE orgs (id int PRIMARY KEY, "` + long + `ab" bytea, "` + long + `cd" text)`, `INSERT INTO orgs VALUES ($1, $2, $3)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, tt.create)
			names := []string{"A", "b"}
			if strings.Contains(tt.create, long) {
				names = []string{long + "ab", long + "cd"}
			}
			j := s.job(reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: names[0]}, {Name: names[1]}}})
			s.exec(tt.insert, 1, legacy(t, oldKey, "one"), encoded(t, "hex", oldKey, "one"))
			if err := j.Fence(t.Context()); pawl.CodeOf(err) != pawl.CodePending {
				t.Errorf("with an older value: %v", err)
			}
			if n := s.text("SELECT count(*)::text FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0"); n != "0" {
				t.Errorf("after a fence that could not be put up %s constraints stand", n)
			}
			s.run(j)
			for range 2 { // what stands is left alone
				if err := j.Fence(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			s.fenced(tt.insert)
		})
	}
}

// fenced holds that the server refuses older values, in each column, and takes
// all others.
func (s *scene) fenced(insert string) {
	s.t.Helper()
	another, err := ring(s.t, foreignKey).SealBytes([]byte("x"), envelope.Binding{})
	if err != nil {
		s.t.Fatal(err)
	}
	text := string(envelope.AppendText(nil, another))
	for n, v := range [][2]any{{nil, nil}, {[]byte{}, ""}, {[]byte(another), text}} {
		s.exec(insert, 10+n, v[0], v[1])
	}
	for n, v := range [][2]any{{legacy(s.t, newKey, "x"), nil}, {nil, encoded(s.t, "base64", newKey, "x")}} {
		if _, err := s.pg.Exec(s.t.Context(), insert, 20+n, v[0], v[1]); err == nil || !strings.Contains(err.Error(), "23514") {
			s.t.Errorf("an older value in column %d: %v", n, err)
		}
	}
}

func TestAFenceNeedsTheOwner(t *testing.T) {
	s := simple(t, 1)
	j := s.job(orgs)
	s.run(j)
	j.Connect = s.as("no_owner")
	s.exec("GRANT SELECT, UPDATE ON orgs TO no_owner")
	if err := j.Fence(t.Context()); pawl.CodeOf(err) != pawl.CodeUnauthorised || !strings.Contains(pawl.HintOf(err), "owner") {
		t.Errorf("got %v, with the hint %q", err, pawl.HintOf(err))
	}
}

func TestAFenceNeedsAFormatThatCanBeTold(t *testing.T) {
	s := simple(t, 1)
	j := s.job(orgs)
	var err error
	if j.Target, err = reencrypt.ToStatic(newKey, old(t), reencrypt.Hex); err != nil {
		t.Fatal(err)
	}
	if err := j.Fence(t.Context()); pawl.CodeOf(err) != pawl.CodeUnsupported {
		t.Errorf("got %v", err)
	}
}
