CREATE TABLE IF NOT EXISTS org_instances (
    org_id       uuid PRIMARY KEY,
    name         text NOT NULL,
    database_url bytea NOT NULL, -- sealed
    redis_url    bytea NOT NULL, -- sealed
    updated_at   timestamptz NOT NULL DEFAULT now()
);
