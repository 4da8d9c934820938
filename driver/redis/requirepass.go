package redis

import (
	"context"
	"strings"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// replace gives the default user another password. The one before is refused
// from then on; clients that are connected stay so.
func (c *conn) replace(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	const op = "set requirepass"
	s, err := c.open(ctx, op, "")
	if err != nil {
		return driver.Minted{}, err
	}
	defer s.close()
	password, err := r.Format.Generate(c.env.Rand)
	if err != nil {
		return driver.Minted{}, invalid(op, "", err.Error(), "change the secret's format rules")
	}
	var plain string
	_ = password.Use(func(b []byte) error { plain = string(b); return nil }) // it was made just now
	keep := s.keeping(r.Target.Settings.String("persist"))
	if err := c.mintOnce(ctx, s, change{user: defaultUser, password: password, keep: keep, command: []string{"CONFIG", "SET", "requirepass", plain}}); err != nil {
		return driver.Minted{}, err
	}
	return driver.Minted{Credential: driver.Credential{ID: "requirepass@" + id(hash(password)), CreatedAt: c.env.Now().UTC().Truncate(time.Second)},
		Value: secret.One(password)}, nil
}

func hasLine(text, want string) bool {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == want {
			return true
		}
	}
	return false
}
