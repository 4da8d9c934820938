package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// Versions lists the versions of some secrets: see rotation.Custody.
func (s *Store) Versions(ctx context.Context, names ...pawl.SecretName) ([]rotation.VersionRow, error) {
	var list []rotation.VersionRow
	asked, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	err = s.view(ctx, "list versions", func(v *view) error {
		return v.each(func(row scanner) error {
			r, err := scanVersion(row)
			list = append(list, r)
			return err
		}, selectVersions+` WHERE secret IN (SELECT value FROM json_each(?)) ORDER BY secret, version`, string(asked))
	})
	return list, err
}

// selectVersions begins every query of which scanVersion reads the rows.
const selectVersions = `SELECT secret, version, state, credential, fingerprint, rotation, at,
	EXISTS (SELECT 1 FROM sealed WHERE sealed.secret = versions.secret AND sealed.version = versions.version) FROM versions`

// Version gives one version: see rotation.Custody.
func (s *Store) Version(ctx context.Context, name pawl.SecretName, n pawl.Version) (rotation.VersionRow, bool, error) {
	var found rotation.VersionRow
	known := false
	err := s.view(ctx, "read a version of "+string(name), func(v *view) error {
		return v.each(func(row scanner) error {
			var err error
			found, err = scanVersion(row)
			known = err == nil
			return err
		}, selectVersions+` WHERE secret = ? AND version = ?`, string(name), int64(n))
	})
	return found, known, err
}

func scanVersion(row scanner) (rotation.VersionRow, error) {
	var r rotation.VersionRow
	var credential string
	var at int64
	err := row.Scan(&r.Secret, &r.Version, &r.State, &credential, &r.Fingerprint, &r.Rotation, &at, &r.Held)
	r.At = fromNanos(at)
	if err != nil || credential == "" {
		return r, err
	}
	r.Credential = new(driver.Credential)
	return r, json.Unmarshal([]byte(credential), r.Credential)
}

// Sealed gives the sealed parts of a version: see rotation.Custody.
func (s *Store) Sealed(ctx context.Context, name pawl.SecretName, n pawl.Version) (map[string][]byte, error) {
	parts := map[string][]byte{}
	err := s.view(ctx, "read value of "+string(name), func(v *view) error {
		return v.each(func(row scanner) error {
			var part string
			var b []byte
			err := row.Scan(&part, &b)
			parts[part] = b
			return err
		}, `SELECT part, bytes FROM sealed WHERE secret = ? AND version = ?`, string(name), int64(n))
	})
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, ledger.Unheld(name, n)
	}
	return parts, nil
}

// Adopt stores a version that a person gave: see rotation.Custody.
func (s *Store) Adopt(ctx context.Context, a rotation.Adoption) error {
	if err := ledger.CheckVersion(a.Row.Secret, a.Row.Version); err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	return s.submit(ctx, "adopt "+string(a.Row.Secret), func(t *tx) error { return t.adopt(a) })
}

func (t *tx) adopt(a rotation.Adoption) error {
	newest, err := t.newestVersion(a.Row.Secret)
	if err != nil {
		return err
	}
	if newest > 0 {
		return ledger.Used(a.Row.Secret, a.Row.Version)
	}
	row := a.Row
	row.State = cmp.Or(row.State, rotation.VersionCurrent)
	if err := t.addVersion(row); err != nil {
		return err
	}
	if err := t.seal(row.Secret, row.Version, a.Sealed); err != nil {
		return err
	}
	e := a.Entry
	e.Rotation, e.Fence = "", 0 // it belongs to no rotation
	return t.chain(e)
}

func (t *tx) newestVersion(name pawl.SecretName) (pawl.Version, error) {
	var v sql.NullInt64
	err := t.row(`SELECT max(version) FROM versions WHERE secret = ?`, string(name)).Scan(&v)
	return pawl.Version(v.Int64), err
}

func (t *tx) addVersion(r rotation.VersionRow) error {
	credential, err := encodeCredential(r.Credential)
	if err != nil {
		return err
	}
	_, err = t.change(`INSERT INTO versions (secret, version, state, credential, fingerprint, rotation, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		string(r.Secret), int64(r.Version), string(r.State), credential, string(r.Fingerprint), string(r.Rotation), nanos(r.At))
	return err
}

// changeVersion adds or changes a version; what is empty in c stays.
func (t *tx) changeVersion(id pawl.RotationID, c rotation.VersionChange) error {
	if err := ledger.CheckVersion(c.Secret, c.Version); err != nil {
		return err
	}
	credential, err := encodeCredential(c.Credential)
	if err != nil {
		return err
	}
	n, err := t.change(`UPDATE versions SET state = coalesce(nullif(?, ''), state), credential = coalesce(nullif(?, ''), credential),
		fingerprint = coalesce(nullif(?, ''), fingerprint), at = coalesce(nullif(?, 0), at) WHERE secret = ? AND version = ?`,
		string(c.State), credential, string(c.Fingerprint), nanos(c.At), string(c.Secret), int64(c.Version))
	if err == nil && n == 0 {
		err = t.addVersion(rotation.VersionRow{Secret: c.Secret, Version: c.Version, State: cmp.Or(c.State, rotation.VersionReserved),
			Credential: c.Credential, Fingerprint: c.Fingerprint, Rotation: id, At: c.At})
	}
	if err == nil && (c.Sealed != nil || c.Forget) {
		err = t.forget(c.Secret, c.Version)
	}
	if err != nil || c.Forget {
		return err
	}
	return t.seal(c.Secret, c.Version, c.Sealed)
}

func (t *tx) forget(name pawl.SecretName, v pawl.Version) error {
	n, err := t.change(`DELETE FROM sealed WHERE secret = ? AND version = ?`, string(name), int64(v))
	t.forgot = t.forgot || n > 0
	return err
}

func (t *tx) seal(name pawl.SecretName, v pawl.Version, parts map[string][]byte) error {
	for part, b := range parts {
		_, err := t.change(`INSERT INTO sealed (secret, version, part, bytes) VALUES (?, ?, ?, ?)`, string(name), int64(v), part, blob(b))
		if err != nil {
			return err
		}
	}
	return nil
}

func encodeCredential(c *driver.Credential) (string, error) {
	if c == nil {
		return "", nil
	}
	b, err := json.Marshal(ledger.CopyCredential(c))
	return string(b), err
}
