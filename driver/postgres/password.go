package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// mintPassword gives a role another password. The one before is refused from
// then on; sessions that are open stay open.
func (c *conn) mintPassword(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	const op = "change a role's password"
	user := r.Target.Settings.String("role")
	if why := nameFault(user); why != "" {
		return driver.Minted{}, invalid(op, user, why, "check role")
	}
	password, stored, err := c.draw(op, r)
	if err != nil {
		return driver.Minted{}, err
	}
	statement := fmt.Sprintf("ALTER ROLE %s PASSWORD %s", identifier(user), literal(stored))
	if err := c.mintOnce(ctx, op, user, statement, user, password); err != nil {
		return driver.Minted{}, err
	}
	// The digest is of the salted verifier, so it tells nothing of the password.
	print := sha256.Sum256([]byte(stored))
	return driver.Minted{Credential: driver.Credential{ID: user + "@" + hex.EncodeToString(print[:6]), CreatedAt: c.env.Now().UTC().Truncate(time.Second)},
		Value: secret.One(password)}, nil
}
