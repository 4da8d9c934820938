-- Times are nanoseconds since 1970 in UTC, 0 for none.

PRAGMA application_id = 1885435756; -- "pawl" in ASCII

CREATE TABLE migrations (
    version INTEGER PRIMARY KEY,
    pawl    TEXT    NOT NULL, -- which pawl brought the file to this version
    at      INTEGER NOT NULL
) STRICT;

CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT NOT NULL
) STRICT;

-- The evidence chain. A body is an entry as JSON, kept byte for byte. Entries
-- that belong to no rotation have the rotation ''.
CREATE TABLE records (
    seq      INTEGER PRIMARY KEY,
    prev     BLOB NOT NULL CHECK (length(prev) = 32),
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    rotation TEXT NOT NULL,
    body     BLOB NOT NULL
) STRICT;

CREATE INDEX records_of_rotation ON records (rotation, seq);

CREATE TRIGGER records_are_kept BEFORE DELETE ON records
BEGIN SELECT RAISE(ABORT, 'records are never deleted'); END;

CREATE TRIGGER records_stay BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'records are never changed'); END;

-- A rotation and its lease. Nobody holds it when holder is ''; the fence
-- stays and only rises.
CREATE TABLE rotations (
    id        TEXT PRIMARY KEY,
    plan      BLOB    NOT NULL,
    outcome   TEXT    NOT NULL CHECK (outcome IN ('open', 'held', 'done', 'undone')),
    opened_at INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    fence     INTEGER NOT NULL,
    holder    TEXT    NOT NULL,
    expires   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX rotations_by_time ON rotations (opened_at);

CREATE TABLE rotation_secrets (
    rotation TEXT    NOT NULL REFERENCES rotations (id),
    position INTEGER NOT NULL,
    secret   TEXT    NOT NULL,
    busy     INTEGER NOT NULL CHECK (busy IN (0, 1)),
    PRIMARY KEY (rotation, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX rotations_of_secret ON rotation_secrets (secret);
CREATE UNIQUE INDEX one_rotation_a_secret ON rotation_secrets (secret) WHERE busy = 1;

CREATE TABLE versions (
    secret      TEXT    NOT NULL,
    version     INTEGER NOT NULL CHECK (version > 0),
    state       TEXT    NOT NULL,
    credential  TEXT    NOT NULL, -- JSON, '' for none
    fingerprint TEXT    NOT NULL,
    rotation    TEXT    NOT NULL, -- which reserved it, '' for an adopted one
    at          INTEGER NOT NULL,
    PRIMARY KEY (secret, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER versions_are_kept BEFORE DELETE ON versions
BEGIN SELECT RAISE(ABORT, 'version numbers are never reused'); END;

CREATE TABLE sealed (
    secret  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    part    TEXT    NOT NULL,
    bytes   BLOB    NOT NULL,
    PRIMARY KEY (secret, version, part),
    FOREIGN KEY (secret, version) REFERENCES versions (secret, version)
) STRICT, WITHOUT ROWID;

-- Sealed values that people gave with a signal, until the rotation ends.
CREATE TABLE signal_parts (
    rotation TEXT    NOT NULL REFERENCES rotations (id),
    seq      INTEGER NOT NULL REFERENCES records (seq),
    part     TEXT    NOT NULL,
    bytes    BLOB    NOT NULL,
    PRIMARY KEY (rotation, seq, part)
) STRICT, WITHOUT ROWID;

-- Data keys, wrapped by a key keeper.
CREATE TABLE data_keys (
    scope      TEXT    NOT NULL,
    id         INTEGER NOT NULL,
    keeper     TEXT    NOT NULL,
    wrapped    BLOB    NOT NULL,
    proof      BLOB    NOT NULL, -- shows that unwrapping gave the right key
    state      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;
