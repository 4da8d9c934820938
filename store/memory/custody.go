package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// Versions lists the versions of some secrets: see rotation.Custody.
func (s *Store) Versions(ctx context.Context, names ...pawl.SecretName) ([]rotation.VersionRow, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []rotation.VersionRow
	for _, name := range names {
		for _, v := range s.versions[name] {
			rows = append(rows, v.row())
		}
	}
	return rows, nil
}

// Version gives one version: see rotation.Custody.
func (s *Store) Version(ctx context.Context, name pawl.SecretName, n pawl.Version) (rotation.VersionRow, bool, error) {
	if err := ctx.Err(); err != nil {
		return rotation.VersionRow{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.version(name, n)
	if v == nil {
		return rotation.VersionRow{}, false, nil
	}
	return v.row(), true, nil
}

// row gives a copy of what is known of v.
func (v *version) row() rotation.VersionRow {
	row := v.VersionRow
	row.Credential, row.Held = ledger.CopyCredential(row.Credential), len(v.sealed) > 0
	return row
}

// Sealed gives the sealed parts of a version: see rotation.Custody.
func (s *Store) Sealed(ctx context.Context, name pawl.SecretName, n pawl.Version) (map[string][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.version(name, n)
	if v == nil || len(v.sealed) == 0 {
		return nil, ledger.Unheld(name, n)
	}
	return cloneParts(v.sealed), nil
}

// Adopt stores a version that a person gave: see rotation.Custody.
func (s *Store) Adopt(ctx context.Context, a rotation.Adoption) error {
	if err := cmp.Or(ctx.Err(), ledger.CheckVersion(a.Row.Secret, a.Row.Version), ledger.CheckEntries(a.Entry)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.versions[a.Row.Secret]) > 0 {
		return ledger.Used(a.Row.Secret, a.Row.Version)
	}
	row := a.Row
	row.State = cmp.Or(row.State, rotation.VersionCurrent)
	row.Credential = ledger.CopyCredential(row.Credential)
	s.add(row).sealed = cloneParts(a.Sealed)
	e := a.Entry
	e.Rotation, e.Fence = "", 0 // it belongs to no rotation
	s.chain(e)
	return nil
}

func (s *Store) version(name pawl.SecretName, n pawl.Version) *version {
	for _, v := range s.versions[name] {
		if v.Version == n {
			return v
		}
	}
	return nil
}

func (s *Store) add(r rotation.VersionRow) *version {
	r.At = utc(r.At)
	v := &version{VersionRow: r}
	list := append(s.versions[r.Secret], v)
	slices.SortFunc(list, func(a, b *version) int { return cmp.Compare(a.Version, b.Version) })
	s.versions[r.Secret] = list
	return v
}

func (s *Store) change(id pawl.RotationID, c rotation.VersionChange) {
	v := s.version(c.Secret, c.Version)
	if v == nil {
		v = s.add(rotation.VersionRow{Secret: c.Secret, Version: c.Version, State: rotation.VersionReserved, Rotation: id})
	}
	v.State = cmp.Or(c.State, v.State)
	v.Fingerprint = cmp.Or(c.Fingerprint, v.Fingerprint)
	if c.Credential != nil {
		v.Credential = ledger.CopyCredential(c.Credential)
	}
	if !c.At.IsZero() {
		v.At = utc(c.At)
	}
	if c.Sealed != nil {
		v.sealed = cloneParts(c.Sealed)
	}
	if c.Forget {
		for _, b := range v.sealed {
			clear(b)
		}
		v.sealed = nil
	}
}
