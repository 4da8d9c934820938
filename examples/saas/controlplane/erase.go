package controlplane

import (
	"context"
	"fmt"
	"net/http"
)

// eraseOrg is the erasure that a tenant's owner may ask for (GDPR, Article 17).
// A part that fails ends it; whoever asks again finds the rest done.
func (s *Server) eraseOrg(r *http.Request, o Org) (int, any, error) {
	ctx, cancel := through(r.Context())
	defer cancel()
	if err := s.store.Change(ctx, o.ID, Change{Status: erasing}); err != nil { // from here on nothing is added to it
		return 0, nil, err
	}
	o, err := s.store.Find(ctx, o.ID) // what was noted until then
	if err != nil {
		return 0, nil, err
	}
	removed, err := s.raze(ctx, o, everything())
	if err != nil {
		return 0, nil, fmt.Errorf("erasure failed, ask again: %w", err)
	}
	if removed {
		s.log.Info("an org is erased", "org", o.Slug)
		s.confirmErasure(ctx, o)
	}
	return http.StatusNoContent, nil, nil
}

// raze takes away what a tenant may have, its row last, and reports whether it
// was the one to remove the row.
func (s *Server) raze(ctx context.Context, o Org, p parts) (removed bool, err error) {
	if p.customer {
		if err := s.removeCustomers(ctx, o); err != nil {
			return false, err
		}
	}
	if p.app && o.App != "" {
		if err := s.fly.remove(ctx, o.App); err != nil {
			return false, err
		}
	}
	if p.branch {
		if err := s.removeBranches(ctx, o, ""); err != nil {
			return false, err
		}
	}
	return s.store.Remove(ctx, o.ID)
}

// removeCustomers deletes a tenant's customer at Stripe, also one that is not
// on record because its making was not answered.
func (s *Server) removeCustomers(ctx context.Context, o Org) error {
	ids := []string{o.Customer}
	if o.Customer == "" {
		var err error
		if ids, err = s.bills.found(ctx, o); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if err := s.bills.remove(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// removeBranches deletes a tenant's branches but for one: that on record, and
// all that have its id in their names.
func (s *Server) removeBranches(ctx context.Context, o Org, but string) error {
	list, err := s.neon.named(ctx, o.ID)
	if err != nil {
		return err
	}
	ids := map[string]bool{o.Branch: true}
	for _, b := range list {
		ids[b.ID] = true
	}
	delete(ids, "")
	delete(ids, but)
	for id := range ids {
		if err := s.patiently(ctx, func() error { return s.neon.remove(ctx, id) }); err != nil {
			return err
		}
	}
	return nil
}

// confirmErasure mails the owner. The data is gone already, so a mail that
// cannot be sent changes no answer: it is logged, and who runs this must watch
// for that line.
func (s *Server) confirmErasure(ctx context.Context, o Org) {
	if o.Owner == "" {
		return
	}
	text := "All data of " + o.Name + " is erased. This cannot be undone."
	if err := s.mail.send(ctx, o.Owner, "Your data is erased", text, "erased-"+o.ID); err != nil {
		s.log.Error("purge confirmation email failed: "+err.Error(), "org", o.Slug)
	}
}
