package platform

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// undefinedTable is what PostgreSQL calls it ("PostgreSQL Error Codes").
const undefinedTable = "42P01"

// countVisit counts a visit in the tenant's database, and gives the count. It
// makes the table where it is missing.
func countVisit(ctx context.Context, p *pgxpool.Pool) (n int64, err error) {
	const count = `INSERT INTO visits (page, n) VALUES ('home', 1) ON CONFLICT (page) DO UPDATE SET n = visits.n + 1 RETURNING n`
	if err = p.QueryRow(ctx, count).Scan(&n); !is(err, undefinedTable) {
		return n, err
	}
	// It fails too when others make the table at the same time.
	_, made := p.Exec(ctx, "CREATE TABLE IF NOT EXISTS visits (page text PRIMARY KEY, n bigint NOT NULL)")
	if err = p.QueryRow(ctx, count).Scan(&n); is(err, undefinedTable) {
		err = made
	}
	return n, err
}

// is reports whether the server has refused with a code.
func is(err error, code string) bool {
	var refusal *pgconn.PgError
	return errors.As(err, &refusal) && refusal.Code == code
}
