package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// execWithin bounds one statement of a console.
const execWithin = time.Minute

// Console is the superuser at one database of a server, over one connection
// that stays open: a login costs more than a statement. It is safe for
// concurrent use.
type Console struct {
	server *Server

	mu   sync.Mutex
	conn *pgconn.PgConn
}

// Open connects the superuser to a database.
func (s *Server) Open(ctx context.Context, database string) (*Console, error) {
	conn, err := pgconn.Connect(ctx, s.DSN(database))
	if err != nil {
		return nil, fmt.Errorf("connect to the database %s: %w", database, err)
	}
	return &Console{server: s, conn: conn}, nil
}

// Exec runs statements. It goes on to the end when ctx is over: what was begun
// is done, or else has failed. Its error does not quote them.
func (c *Console) Exec(ctx context.Context, sql string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), execWithin)
	defer cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn.Exec(ctx, sql).Close()
}

// Ask runs a query whose parameters are texts, and gives the rows of its answer
// as texts; NULL is "". Its error does not quote the query.
func (c *Console) Ask(ctx context.Context, sql string, params ...string) ([][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, execWithin)
	defer cancel()
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	result := c.conn.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	rows := make([][]string, len(result.Rows))
	for i, row := range result.Rows {
		for _, field := range row {
			rows[i] = append(rows[i], string(field))
		}
	}
	return rows, nil
}

// Address is where clients reach the server.
func (c *Console) Address() string { return c.server.Addr() }

// Close ends the connection. The server ends it too when it stops.
func (c *Console) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), execWithin)
	defer cancel()
	return c.conn.Close(ctx)
}
