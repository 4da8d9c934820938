package fly

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// nonceHeader carries the nonce of a lease that the caller holds.
const nonceHeader = "Fly-Machine-Lease-Nonce"

// defaultLease is how long a lease lasts whose ttl was not given (guessed).
const defaultLease = 13 * time.Second

type lease struct {
	nonce, owner, description string
	until                     time.Time
}

// held gives the lease that is in force, or nil.
func (m *machine) held(now time.Time) *lease {
	if m.lease == nil || !now.Before(m.lease.until) {
		return nil
	}
	return m.lease
}

// mayChange reports whether no lease of somebody else is in the way, and
// answers when one is.
func (f *Fly) mayChange(c *route.Call, m *machine) bool {
	l := m.held(f.now())
	if l == nil || l.nonce == c.R.Header.Get(nonceHeader) {
		return true
	}
	fail(c, http.StatusConflict, fmt.Sprintf("machine ID %s lease currently held by %s, expires at %s", m.id, l.owner, second(l.until)))
	return false
}

func takeLease(f *Fly, c *route.Call, m *machine) {
	ttl, description, err := leaseAsked(c)
	if err != nil {
		fail(c, http.StatusBadRequest, "ttl must be a number of seconds")
		return
	}
	if !f.mayChange(c, m) {
		return
	}
	l := m.held(f.now())
	if l == nil {
		l = &lease{nonce: f.id(12), owner: f.caller(c).owner(), description: description}
		m.lease = l
	}
	l.until = f.now().Add(ttl)
	c.JSON(http.StatusCreated, f.leaseView(m, l))
}

// leaseAsked reads the ttl from the query, as fly-go sends it, or from the
// body, as the specification has it.
func leaseAsked(c *route.Call) (ttl time.Duration, description string, err error) {
	var in struct {
		TTL         int    `json:"ttl"`
		Description string `json:"description"`
	}
	if err := c.Read(&in); err != nil {
		return 0, "", err
	}
	if q := c.Query("ttl"); q != "" {
		if in.TTL, err = strconv.Atoi(q); err != nil {
			return 0, "", err
		}
	}
	if in.TTL <= 0 {
		return defaultLease, in.Description, nil
	}
	return time.Duration(in.TTL) * time.Second, in.Description, nil
}

func (t *token) owner() string {
	if t.user != "" {
		return t.user
	}
	return t.org.slug
}

func showLease(f *Fly, c *route.Call, m *machine) {
	l := m.held(f.now())
	if l == nil {
		fail(c, http.StatusNotFound, "no lease found")
		return
	}
	shown := *l
	shown.nonce = "" // only its holder knows it
	c.JSON(http.StatusOK, f.leaseView(m, &shown))
}

func releaseLease(f *Fly, c *route.Call, m *machine) {
	if !f.mayChange(c, m) {
		return
	}
	if m.held(f.now()) == nil {
		fail(c, http.StatusNotFound, "no lease found")
		return
	}
	m.lease = nil
	c.JSON(http.StatusOK, map[string]any{"ok": true})
}

func (f *Fly) leaseView(m *machine, l *lease) map[string]any {
	v := map[string]any{"nonce": l.nonce, "owner": l.owner, "description": l.description, "expires_at": l.until.Unix(), "version": m.instance}
	if f.cfg.FlatLeases {
		return v
	}
	return map[string]any{"status": "success", "data": v}
}
