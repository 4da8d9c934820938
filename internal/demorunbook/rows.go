package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// orgInstances is the table of the control plane, and of the programs that run
// beside it.
const orgInstances = `CREATE TABLE org_instances (
	org_id uuid PRIMARY KEY,
	name text NOT NULL,
	database_url bytea NOT NULL,
	redis_url bytea NOT NULL,
	admin_token bytea, -- not of this system's tenants, which have no API of their own
	updated_at timestamptz NOT NULL DEFAULT now()
); ALTER TABLE org_instances OWNER TO ` + dbOwner

// rows is org_instances in the real database.
type rows struct {
	mu sync.Mutex
	pg *pgconn.PgConn
}

func newRows(ctx context.Context, dsn string) (*rows, error) {
	pg, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	return &rows{pg: pg}, pg.Exec(ctx, orgInstances).Close()
}

// ask runs a statement; parameters are texts.
func (r *rows) ask(sql string, params ...string) ([][][]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	result := r.pg.ExecParams(context.Background(), sql, values, nil, nil, nil).Read()
	return result.Rows, result.Err
}

// bytea is bytes as text.
func bytea(b []byte) string { return `\x` + hex.EncodeToString(b) }

func (r *rows) Put(id, name string, row saas.Row) error {
	_, err := r.ask(`INSERT INTO org_instances (org_id, name, database_url, redis_url) VALUES ($1, $2, $3, $4)
		ON CONFLICT (org_id) DO UPDATE SET database_url = excluded.database_url, redis_url = excluded.redis_url, updated_at = now()`,
		id, name, bytea(row.DatabaseURL), bytea(row.RedisURL))
	return err
}

func (r *rows) Get(id string) (saas.Row, error) {
	list, err := r.ask(`SELECT encode(database_url, 'hex'), encode(redis_url, 'hex') FROM org_instances WHERE org_id = $1`, id)
	if err != nil {
		return saas.Row{}, err
	}
	if len(list) == 0 {
		return saas.Row{}, errors.New("there is no row " + id)
	}
	d, err := hex.DecodeString(string(list[0][0]))
	if err != nil {
		return saas.Row{}, err
	}
	u, err := hex.DecodeString(string(list[0][1]))
	return saas.Row{DatabaseURL: d, RedisURL: u}, err
}

func (r *rows) Remove(id string) error {
	_, err := r.ask(`DELETE FROM org_instances WHERE org_id = $1`, id)
	return err
}

// not counts the rows that have a column which is not sealed under a key: by
// the server, which needs no key for that.
func (r *rows) not(key string) (int, error) {
	raw, err := hex.DecodeString(key)
	if err != nil {
		return 0, err
	}
	head := bytea(envelope.Header(envelope.KeyIDOf(raw)))
	list, err := r.ask(fmt.Sprintf(`SELECT count(*) FROM org_instances WHERE substring(%s, 1, %d) <> $1::bytea OR substring(%s, 1, %[2]d) <> $1::bytea`,
		saas.ColumnDatabase, len(envelope.Header(0)), saas.ColumnRedis), head)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(list[0][0]))
}
