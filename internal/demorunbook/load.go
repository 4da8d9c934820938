package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl/vendorsim/saas"
)

// filled is how many rows there are beside those of the tenants, at first in
// the format of an older release.
const filled = 300

// load is the use that is made of org_instances: people list every org, tenants'
// platforms read their rows, and guests come and go, whose rows are sealed.
type load struct {
	w    *world
	end  context.CancelFunc
	work sync.WaitGroup

	mu            sync.Mutex // guards what follows
	opened, seals int
	broken        map[string]string // the first failure of each kind
}

// kind is a kind of request. It gives how many rows were opened and how many
// values were sealed.
type kind struct {
	name string
	do   func(context.Context) (opened, seals int, err error)
}

// begin fills the table and starts the load. It returns when each kind has made
// a request.
func (w *world) begin(ctx context.Context) (*load, error) {
	if err := w.Fill(filled); err != nil {
		return nil, fmt.Errorf("fill the table: %w", err)
	}
	ctx, end := context.WithCancel(ctx)
	l := &load{w: w, end: end, broken: map[string]string{}}
	kinds := []kind{{"list of orgs", w.readAll}, {"guest", w.guest}}
	for _, slug := range w.Tenants() {
		kinds = append(kinds, kind{"tenant " + slug, func(ctx context.Context) (int, int, error) { return w.readOwn(ctx, slug) }})
	}
	var first sync.WaitGroup
	for _, k := range kinds {
		first.Add(1)
		l.work.Go(func() {
			l.one(ctx, k)
			first.Done()
			for tick := time.Tick(each); ; l.one(ctx, k) {
				select {
				case <-ctx.Done():
					return
				case <-tick:
				}
			}
		})
	}
	first.Wait()
	return l, nil
}

// each is how often there is a request of a kind.
const each = 50 * time.Millisecond

// one makes one request. One that has begun is ended: users do not know that the
// load is over. Time stands still meanwhile.
func (l *load) one(ctx context.Context, k kind) {
	l.w.traffic.RLock()
	defer l.w.traffic.RUnlock()
	opened, seals, err := k.do(context.WithoutCancel(ctx))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened, l.seals = l.opened+opened, l.seals+seals
	if err != nil && l.broken[k.name] == "" {
		l.broken[k.name] = fmt.Sprintf("P1: the %s: %v", k.name, err)
	}
}

// stop ends the load, says what it did, and lists what went wrong.
func (l *load) stop() (string, []string) {
	l.end()
	l.work.Wait()
	var broken []string
	for _, what := range l.broken {
		broken = append(broken, what)
	}
	slices.Sort(broken)
	if l.opened == 0 || l.seals == 0 {
		broken = append(broken, "the load opened or sealed nothing: nothing was proven with it")
	}
	if err := l.w.Empty(); err != nil {
		broken = append(broken, "empty the table: "+err.Error())
	}
	return fmt.Sprintf("beside it: %d rows opened, %d values sealed, %d kinds of request failed", l.opened, l.seals, len(broken)), broken
}

// org is what is read of a tenant in answers.
type org struct{ ID, Slug, Status string }

// unreadable is the status of a row that no key of a machine opens
// (examples/saas/controlplane).
const unreadable = "unreadable"

// readAll lists every org: a machine of the control plane opens every row.
func (w *world) readAll(ctx context.Context) (opened, seals int, err error) {
	b, err := w.Plane(ctx, http.MethodGet, "/cp/orgs", nil)
	if err != nil {
		return 0, 0, err
	}
	var out struct{ Orgs []org }
	if err := json.Unmarshal(b, &out); err != nil {
		return 0, 0, err
	}
	if len(out.Orgs) < filled {
		return 0, 0, fmt.Errorf("%d orgs of %d", len(out.Orgs), filled)
	}
	for _, o := range out.Orgs {
		if o.Status == unreadable {
			return opened, 0, errors.New("the row of " + o.Slug + " is " + unreadable)
		}
		opened++
	}
	return opened, 0, nil
}

// readOwn has a tenant's platform read its row and open it. While its one
// machine boots nobody asks: Fly's proxy would hold the request, and time stands
// still here.
func (w *world) readOwn(ctx context.Context, slug string) (opened, seals int, err error) {
	app := saas.TenantPrefix + slug
	if len(w.Fly.Started(app)) == 0 {
		return 0, 0, nil
	}
	_, err = w.Call(ctx, http.MethodGet, "https://"+app+".fly.dev/health", "", nil)
	switch {
	case err == nil:
		return 1, 0, nil
	case len(w.Fly.Started(app)) == 0: // it was told to boot meanwhile
		return 0, 0, nil
	default:
		return 0, 0, err
	}
}

// guestPrefix is how the slugs of guests begin.
const guestPrefix = "guest-"

// guest makes a tenant, whose row is sealed, reads it and erases it.
func (w *world) guest(ctx context.Context) (opened, seals int, err error) {
	b, err := w.Plane(ctx, http.MethodPost, "/cp/orgs", map[string]string{"slug": guestPrefix + strings.ToLower(rand.Text()), "name": "Guest"})
	if err != nil {
		return 0, 0, err
	}
	var made, read org
	if err := json.Unmarshal(b, &made); err != nil {
		return 0, 0, err
	}
	b, err = w.Plane(ctx, http.MethodGet, "/cp/orgs/"+made.ID, nil)
	if err == nil {
		err = json.Unmarshal(b, &read)
	}
	if err == nil && read.Status == unreadable {
		err = errors.New("the row of a guest is " + unreadable)
	}
	_, gone := w.Plane(ctx, http.MethodDelete, "/cp/orgs/"+made.ID, nil)
	return 1, 4, errors.Join(err, gone) // three values are sealed at first, and one again
}

// beside rotates a secret. While it is the encryption key there is a load; what
// went wrong with it is given.
func (w *world) beside(ctx context.Context, name string, rotate func() (result, error)) (result, []string, error) {
	if name != saas.EncryptionKey {
		r, err := rotate()
		return r, nil, err
	}
	l, err := w.begin(ctx)
	if err != nil {
		return result{}, nil, err
	}
	r, err := rotate()
	said, broken := l.stop()
	r.beside = said
	return r, broken, err
}
