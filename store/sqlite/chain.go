package sqlite

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/evidence"
)

// selectHead gives the newest record, or the store's id when there is none.
const selectHead = `SELECT coalesce(max(seq), 0), (SELECT hash FROM records ORDER BY seq DESC LIMIT 1), (SELECT id FROM store) FROM records`

func headOf(row scanner) (evidence.Head, error) {
	var seq int64
	var hash []byte
	var id string
	if err := row.Scan(&seq, &hash, &id); err != nil {
		return evidence.Head{}, err
	}
	if seq == 0 {
		return evidence.Start(id), nil
	}
	return evidence.Head{Seq: seq, Hash: hex.EncodeToString(hash)}, nil
}

// Head gives the head of the evidence chain.
func (s *Store) Head(ctx context.Context) (evidence.Head, error) {
	var h evidence.Head
	err := s.view(ctx, "read evidence", func(v *view) (err error) {
		h, err = headOf(v.tx.QueryRowContext(ctx, selectHead))
		return err
	})
	return h, err
}

// Export gives the records from number from on to f, in order, until f
// returns an error, which Export returns. It shows one instant of the store
// and holds up no writer; f may take its time.
func (s *Store) Export(ctx context.Context, from int64, f func(evidence.Record) error) error {
	var stopped error
	err := s.view(ctx, "export evidence", func(v *view) error {
		return v.each(func(row scanner) error {
			r, err := scanRecord(row)
			if err != nil {
				return err
			}
			stopped = f(r)
			return stopped
		}, `SELECT seq, prev, hash, body FROM records WHERE seq >= ? ORDER BY seq`, from)
	})
	if stopped != nil {
		return stopped
	}
	return err
}

// WriteEvidence writes an export of the records from number from on, in the
// format of docs/formats/evidence.md. It fails with CodeInvalid for a number
// that the chain has not come near to.
func (s *Store) WriteEvidence(ctx context.Context, w io.Writer, from int64) error {
	head, err := s.Head(ctx)
	if err != nil {
		return err
	}
	if from = max(from, 1); from > head.Seq+1 {
		return &pawl.Error{Code: pawl.CodeInvalid, Op: "export evidence", On: fmt.Sprintf("from record %d", from),
			Why: fmt.Sprintf("the newest record is %d", head.Seq), Next: "pawl evidence head"}
	}
	b := bufio.NewWriter(w)
	out, err := evidence.NewWriter(b, evidence.Header{Store: s.id, First: from})
	if err != nil {
		return err
	}
	if err := s.Export(ctx, from, out.Add); err != nil {
		return err
	}
	return b.Flush()
}

func scanRecord(row scanner) (evidence.Record, error) {
	var r evidence.Record
	var prev, hash, body []byte
	err := row.Scan(&r.Seq, &prev, &hash, &body)
	r.Prev, r.Hash, r.Body = hex.EncodeToString(prev), hex.EncodeToString(hash), body
	return r, err
}

func rawHashes(r evidence.Record) (prev, hash []byte, err error) {
	prev, err = hex.DecodeString(r.Prev)
	if err == nil {
		hash, err = hex.DecodeString(r.Hash)
	}
	return prev, hash, err
}

// Check looks at every page of the file and every link of the chain. It
// fails with CodeCorrupt and says what is wrong.
func (s *Store) Check(ctx context.Context) error {
	return s.view(ctx, "check store", func(v *view) error {
		for _, pragma := range []string{`PRAGMA integrity_check(10)`,
			`SELECT 'a row of ' || "table" || ' has lost the row of ' || parent || ' that it belongs to' FROM pragma_foreign_key_check`} {
			if err := s.sound(v, pragma); err != nil {
				return err
			}
		}
		return s.linked(v)
	})
}

func (s *Store) sound(v *view, query string) error {
	return v.each(func(row scanner) error {
		var said string
		if err := row.Scan(&said); err != nil || said == "ok" {
			return err
		}
		return s.corrupt(said)
	}, query)
}

func (s *Store) linked(v *view) error {
	prev := evidence.Start(s.id)
	return v.each(func(row scanner) error {
		r, err := scanRecord(row)
		switch {
		case err != nil:
			return err
		case r.Seq != prev.Seq+1:
			return s.corrupt(fmt.Sprintf("evidence record %d is missing", prev.Seq+1))
		case !r.Intact():
			return s.corrupt(fmt.Sprintf("evidence record %d was changed", r.Seq))
		case r.Prev != prev.Hash:
			return s.corrupt(fmt.Sprintf("evidence record %d does not follow the one before it", r.Seq))
		}
		prev = r.Head()
		return nil
	}, `SELECT seq, prev, hash, body FROM records ORDER BY seq`)
}

func (s *Store) corrupt(why string) error {
	return &pawl.Error{Code: pawl.CodeCorrupt, Op: "check store", On: s.path, Why: why,
		Next: "keep a copy of the file, restore a backup, and compare its evidence with the last export"}
}
