package upstash

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// qstash is a QStash user: an account has one in each region.
type qstash struct {
	id, region      string
	owner           *account
	createdAt       time.Time
	token, readOnly string
}

func (q *qstash) host() string { return "qstash-" + q.region + domain }

func (u *Upstash) queue(id string) *qstash {
	i := slices.IndexFunc(u.queues, func(q *qstash) bool { return q.id == id })
	if i < 0 {
		return nil
	}
	return u.queues[i]
}

// view is QStashUser.
func (q *qstash) view() map[string]any {
	return map[string]any{"id": q.id, "region": q.region, "customer_id": q.owner.email, "created_by": q.owner.email, "creation_time": q.createdAt.Unix(),
		"deletion_time": 0, "active": true, "state": "active", "type": "paid", "budget": 0, "token": q.token, "read_only_token": q.readOnly,
		"max_requests_per_day": 500000, "max_requests_per_second": 100, "prod_pack_enabled": false, "prometheus_enabled": "false", "timeout": 900}
}

func (u *Upstash) listQueues(c *route.Call, a *account) {
	list := []any{}
	for _, q := range u.queues {
		if q.owner == a {
			list = append(list, q.view())
		}
	}
	c.JSON(http.StatusOK, list)
}

func (u *Upstash) getQueue(c *route.Call, q *qstash) { c.JSON(http.StatusOK, q.view()) }

// rotateToken "invalidates the old password and token, and generates new ones"
// (resetQStashToken).
func (u *Upstash) rotateToken(c *route.Call, q *qstash) {
	q.token, q.readOnly = u.credential("eyJ", 60), u.credential("eyJ", 60)
	u.did(c, q.owner, 61, "Reset QStash Token", q.region)
	c.JSON(http.StatusOK, q.view())
}

// queuesOf is "List Queues" of QStash's own API. There are none here. A token
// of another region is one whose user is not found there; the status that comes
// with those words is a guess.
func (u *Upstash) queuesOf(c *route.Call) {
	token, _ := strings.CutPrefix(c.R.Header.Get("Authorization"), "Bearer ")
	i := slices.IndexFunc(u.queues, func(q *qstash) bool { return token != "" && (q.token == token || q.readOnly == token) })
	switch {
	case i < 0:
		c.JSON(http.StatusUnauthorized, map[string]string{"error": "unauthorized"})
	case u.queues[i].host() != hostOf(c.R):
		c.JSON(http.StatusNotFound, map[string]string{"error": "user (" + u.queues[i].id + ") not found in this region"})
	default:
		c.JSON(http.StatusOK, []any{})
	}
}
