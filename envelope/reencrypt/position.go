package reencrypt

import (
	"math"
	"slices"
)

// Position is where a job stands, so that another can go on from there: it
// spares it the scan of what is done. The rows remain the state: a position
// that is old, or of before the table was written anew, costs time and no more.
// The zero Position is the beginning. It is kept as JSON; it has the key of a
// row in it, and no value.
type Position struct {
	Sweep int  `json:"sweep,omitempty"` // under way, from 1
	Zero  bool `json:"zero,omitempty"`  // the sweep is over, and what it has left is counted
	Tries int  `json:"tries,omitempty"` // counts in one piece that were stopped

	Leaf  string   `json:"leaf,omitempty"`  // the table or partition at hand, by its OID
	Block uint32   `json:"block,omitempty"` // of a sweep: all blocks before are through
	After []string `json:"after,omitempty"` // of a count: the key of the last row that is counted

	Rows       int64 `json:"rows,omitempty"`       // that were written, of all sweeps
	Old        int64 `json:"old,omitempty"`        // rows that the count has found
	Lost       int64 `json:"lost,omitempty"`       // rows of this sweep with a value that no key opens
	Unreadable int64 `json:"unreadable,omitempty"` // such values
}

// resume takes up a position. What it says of partitions that are gone means
// nothing any more: the sweep, or the count, begins again.
func (r *run) resume(p Position) {
	if p.Leaf != "" && !slices.ContainsFunc(r.v.leaves, func(l relation) bool { return l.oid == p.Leaf }) {
		p.Leaf, p.Block, p.After, p.Old, p.Lost, p.Unreadable = "", 0, nil, 0, 0, 0
	}
	if len(p.After) > 0 && len(p.After) != len(r.v.order) {
		p.Leaf, p.After, p.Old = "", nil, 0
	}
	r.at = p
}

// position is where the run stands: what is through, and nothing beyond.
func (r *run) position() Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, low := r.at, r.low
	p.Rows += r.rows.Load()
	if p.Zero {
		low = math.MaxInt
	}
	for _, part := range r.lost {
		if part < low {
			p.Lost++
		}
	}
	for _, v := range r.told {
		if v.sweep == p.Sweep && v.part < low {
			p.Unreadable++
		}
	}
	if low < len(r.parts) {
		p.Leaf, p.Block = r.parts[low].rel.oid, r.parts[low].first
	}
	return p
}

// rest drops the parts that a position has behind it.
func (p Position) rest(parts []part) []part {
	i := slices.IndexFunc(parts, func(q part) bool { return q.rel.oid == p.Leaf && q.end > p.Block })
	if p.Leaf == "" {
		return parts
	}
	if i < 0 { // the table is shorter now: of its leaf nothing is left
		i = slices.IndexFunc(parts, func(q part) bool { return q.rel.oid == p.Leaf })
		for i >= 0 && i < len(parts) && parts[i].rel.oid == p.Leaf {
			i++
		}
	}
	return parts[max(i, 0):]
}
