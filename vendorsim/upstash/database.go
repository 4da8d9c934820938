package upstash

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
	"github.com/pawlhq/pawl/vendorsim/redis"
)

// redisPort is where databases listen, all behind hosts of their own.
const redisPort = 6379

// database is a Redis database. Its password is that of the user default; the
// REST tokens are of the same user.
type database struct {
	id, name, slug string
	owner          *account
	createdAt      time.Time
	modifying      string // what is being done to it; "" is nothing
	defaultOff     bool   // the user default is switched off

	password, token, readOnly string

	server    *redis.Server     // what is behind it; nil is nothing
	generated map[string]string // token of ACL GENTOKEN to its user
}

func (d *database) host() string { return d.slug + domain }

func (u *Upstash) database(id string) *database {
	i := slices.IndexFunc(u.databases, func(d *database) bool { return d.id == id })
	if i < 0 {
		return nil
	}
	return u.databases[i]
}

func (u *Upstash) at(host string) *database {
	i := slices.IndexFunc(u.databases, func(d *database) bool { return d.host() == host })
	if i < 0 {
		return nil
	}
	return u.databases[i]
}

// draw gives a database new credentials: password and both REST tokens in one
// ("You can revoke both Standard and Read Only tokens by resetting password of
// your database", page "REST API").
func (u *Upstash) draw(d *database) {
	d.password, d.token, d.readOnly = u.credential("", 28), u.credential("AX", 40), u.credential("Ag", 40)
}

// view is Database, with what the Terraform provider reads besides.
func (d *database) view(credentials bool) map[string]any {
	v := map[string]any{"database_id": d.id, "database_name": d.name, "region": "global", "primary_region": "eu-west-1", "primary_members": []string{"eu-west-1"},
		"all_members": []string{"eu-west-1"}, "read_regions": []string{}, "endpoint": d.host(), "port": redisPort, "tls": true, "state": "active",
		"modifying_state": d.modifying, "type": "paid", "budget": 360, "eviction": false, "auto_upgrade": false, "consistent": false,
		"creation_time": d.createdAt.Unix(), "customer_id": d.owner.email, "db_acl_enabled": word(d.server != nil), "db_acl_default_user_status": word(!d.defaultOff),
		"db_type": "pebble", "db_resource_size": "S", "db_eviction": false, "prod_pack_enabled": false, "prometheus_enabled": "false",
		"daily_backup_enabled": false, "last_plan_upgrade_time": 0, "replicas": 3, "securityAddons": map[string]bool{"encryptionAtRest": false,
			"ipWhitelisting": false, "privateLink": false, "tlsMutualAuth": false, "vpcPeering": false}}
	if credentials {
		v["password"], v["rest_token"], v["read_only_rest_token"] = d.password, d.token, d.readOnly
	}
	return v
}

// word writes a truth as some fields of the description have it.
func word(is bool) string {
	if is {
		return "true"
	}
	return "false"
}

func (u *Upstash) listDatabases(c *route.Call, a *account) {
	list := []any{}
	for _, d := range u.databases {
		if d.owner == a {
			list = append(list, d.view(false))
		}
	}
	c.JSON(http.StatusOK, list)
}

func (u *Upstash) getDatabase(c *route.Call, d *database) {
	c.JSON(http.StatusOK, d.view(c.Query("credentials") != "hide"))
}

// resetPassword gives a database new credentials. The old ones are dead at
// once. What the server behind it refuses is a failure of Upstash's.
func (u *Upstash) resetPassword(c *route.Call, d *database) {
	old := *d
	u.draw(d)
	if err := u.apply(c.R.Context(), d); err != nil {
		d.password, d.token, d.readOnly = old.password, old.token, old.readOnly
		fail(c, http.StatusInternalServerError, "internal", "the database did not take the password")
		return
	}
	u.did(c, d.owner, 21, "Reset Password", d.name)
	c.JSON(http.StatusOK, d.view(!u.cfg.BareResets))
}

// apply gives the password to the server behind a database.
func (u *Upstash) apply(ctx context.Context, d *database) error {
	if d.server == nil {
		return nil
	}
	commands := [][]string{{"CONFIG", "SET", "requirepass", d.password}}
	if u.cfg.CutsOnReset {
		commands = append(commands, []string{"CLIENT", "KILL", "USER", "default", "SKIPME", "yes"})
	}
	return command(context.WithoutCancel(ctx), d.server, redis.Admin, d.server.Password, commands...)
}

// ping is the command PING over REST. The token is the default user's, or a
// token of ACL GENTOKEN that is a password of its user (pages "REST API" and
// "ACL GENTOKEN").
func (u *Upstash) ping(c *route.Call) {
	d := u.at(hostOf(c.R))
	token, _ := strings.CutPrefix(c.R.Header.Get("Authorization"), "Bearer ")
	if d == nil || !u.bears(c.R.Context(), d, token) {
		c.JSON(http.StatusUnauthorized, map[string]string{"error": "WRONGPASS invalid or missing auth token"})
		return
	}
	c.JSON(http.StatusOK, map[string]string{"result": "PONG"})
}

func (u *Upstash) bears(ctx context.Context, d *database, token string) bool {
	switch user := d.generated[token]; {
	case token == "":
		return false
	case token == d.token, token == d.readOnly:
		return !d.defaultOff
	case user == "" || d.server == nil:
		return false
	default:
		return command(ctx, d.server, user, token) == nil
	}
}
