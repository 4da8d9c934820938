package controlplane

import (
	"context"
	"errors"
	"net/http"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pawlhq/pawl/examples/saas/tenant"
)

// errUnreadable is a row that no key of this machine opens.
var errUnreadable = errors.New("no key of this machine opens the row of this org: see SECRETS_DECRYPTION_KEYS")

// unreadable is its status to callers.
const unreadable = "unreadable"

// slugs become a part of a host's name, which has 63 characters at most, and
// must not look like an id.
var slugs = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// atOnce is how many tenants are asked at a time.
const atOnce = 8

// view is a tenant as callers see it.
type view struct {
	ID        string    `json:"id"`
	Slug      string    `json:"slug"`
	Name      string    `json:"name"`
	Owner     string    `json:"owner,omitempty"`
	Plan      string    `json:"plan"`
	Status    string    `json:"status"`
	CreatedAt time.Time `json:"created_at"`
}

func viewOf(o Org, status string) view {
	return view{o.ID, o.Slug, o.Name, o.Owner, o.Plan, status, o.CreatedAt}
}

func (s *Server) listOrgs(r *http.Request) (int, any, error) {
	all, err := s.store.List(r.Context())
	if err != nil {
		return 0, nil, err
	}
	views := make([]view, len(all))
	s.each(all, func(i int, o Org) error {
		views[i] = viewOf(o, s.status(r.Context(), o))
		return nil
	})
	return http.StatusOK, map[string]any{"orgs": views}, nil
}

// each does something for every tenant, a few at a time, and gives the first
// error.
func (s *Server) each(all []Org, do func(int, Org) error) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, o := range all {
		g.Go(func() error { return do(i, o) })
	}
	return g.Wait()
}

func (s *Server) showOrg(r *http.Request, o Org) (int, any, error) {
	return http.StatusOK, viewOf(o, s.status(r.Context(), o)), nil
}

// status finds out how a tenant is. That it is ready is found out once and
// written down.
func (s *Server) status(ctx context.Context, o Org) string {
	secrets, err := s.open(ctx, o)
	switch {
	case err != nil:
		return unreadable
	case o.Status == making:
		return provisioning
	case o.Status != provisioning:
		return o.Status
	}
	up, err := s.neon.ready(ctx, o.Branch)
	if err == nil && up {
		err = s.tenantWorks(ctx, o, secrets.AdminToken)
	}
	if err != nil {
		s.log.Info("an org is not ready yet", "org", o.Slug, "because", err.Error())
	}
	if err != nil || !up {
		return provisioning
	}
	if err := s.store.Change(ctx, o.ID, Change{Status: ready, If: provisioning}); err != nil && !errors.Is(err, ErrNotFound) {
		s.log.Error(err.Error(), "org", o.Slug)
	}
	return ready
}

// open opens a tenant's row.
func (s *Server) open(ctx context.Context, o Org) (tenant.Secrets, error) {
	secrets, err := s.box.Open(ctx, o.ID, o.Sealed)
	if err != nil {
		return tenant.Secrets{}, errUnreadable
	}
	return secrets, nil
}

func (s *Server) createOrg(r *http.Request) (int, any, error) {
	var in struct{ Slug, Name, Owner string }
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	if !slugs.MatchString(in.Slug) {
		return 0, nil, refuse(http.StatusBadRequest, "a slug is needed: at most 32 lower case letters, digits and dashes")
	}
	if _, err := mail.ParseAddress(in.Owner); err != nil && in.Owner != "" {
		return 0, nil, refuse(http.StatusBadRequest, "the owner is no mail address")
	}
	if strings.TrimSpace(in.Name) == "" {
		in.Name = in.Slug
	}
	ctx, cancel := through(r.Context())
	defer cancel()
	o, err := s.provision(ctx, in.Slug, in.Name, in.Owner)
	if err != nil {
		return 0, nil, err
	}
	s.log.Info("an org is made", "org", o.Slug)
	return http.StatusCreated, viewOf(o, provisioning), nil
}

// tenantInstance gives a tenant's platform its row, sealed: only who has the
// key reads it. The platform proves who it is by the admin token in that row.
func (s *Server) tenantInstance(r *http.Request) (int, any, error) {
	token := bearer(r)
	stranger := refuse(http.StatusUnauthorized, "the tenant's admin token is missing or wrong")
	id, ok := orgOf(token)
	if !ok {
		return 0, nil, stranger
	}
	o, err := s.store.Find(r.Context(), id)
	if errors.Is(err, ErrNotFound) {
		return 0, nil, stranger
	}
	if err != nil {
		return 0, nil, err
	}
	secrets, err := s.open(r.Context(), o)
	if err != nil {
		return 0, nil, err
	}
	if !same(token, secrets.AdminToken) {
		return 0, nil, stranger
	}
	return http.StatusOK, struct {
		ID string `json:"id"`
		tenant.Sealed
	}{o.ID, o.Sealed}, nil
}
