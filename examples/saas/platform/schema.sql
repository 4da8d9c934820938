-- A platform's own store. Values and keys are sealed by package envelope;
-- times are nanoseconds since 1970.
CREATE TABLE IF NOT EXISTS secrets (
  workspace text NOT NULL, -- '' is a global secret
  key text NOT NULL,
  value blob NOT NULL,
  updated_at integer NOT NULL,
  PRIMARY KEY (workspace, key)
);
CREATE TABLE IF NOT EXISTS workspaces (
  seq integer PRIMARY KEY,
  id text NOT NULL UNIQUE,
  paused integer NOT NULL,
  status text NOT NULL,
  booted blob NOT NULL -- the key that it runs with; empty is none
);
CREATE TABLE IF NOT EXISTS lines (
  seq integer PRIMARY KEY AUTOINCREMENT,
  at integer NOT NULL,
  workspace text NOT NULL,
  message text NOT NULL
);
CREATE INDEX IF NOT EXISTS lines_of ON lines (workspace, seq);
