package demo

import (
	"slices"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// needy are the secrets that only a system with servers has: the database's
// login and the key of its rows, and the login of Redis.
func needy() []string {
	return []string{saas.DatabaseURL, saas.RedisURL, saas.EncryptionKey}
}

// missing lists the servers that are not installed on this machine.
func missing() []string {
	list := []string{}
	if postgres.Installed() != nil {
		list = append(list, "PostgreSQL")
	}
	if redis.Installed() != nil {
		list = append(list, "Redis")
	}
	return list
}

// brief are the secrets that the demo would rotate as it does the others.
func brief() []string {
	var list []string
	for _, name := range saas.Names() {
		if name != saas.ActionsToken && !slices.Contains(rotated(), name) && !slices.Contains(needy(), name) {
			list = append(list, name)
		}
	}
	return list
}

// leftOut says what the demo leaves out and why, and how all of it is rotated on
// a machine where some servers are missing.
func leftOut(missing []string) []string {
	lines := []string{
		"Left out, because this demo starts neither PostgreSQL nor Redis:",
		"  " + strings.Join(needy(), ", "),
		"Left out, to be brief; " + saas.ActionsToken + " is never rotated:",
		"  " + strings.Join(brief(), ", "),
	}
	if len(missing) == 0 {
		return append(lines, "PostgreSQL and Redis are installed here: make demo-saas, with both, rotates all")
	}
	for _, server := range missing {
		lines = append(lines, server+" is not installed here")
	}
	return append(lines, "make demo-saas, with both, rotates all; make servers installs what is missing")
}
