package stripe

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// The seeding calls below set up an account before anything runs in it, as a
// person would in the dashboard.

// Key is an API key to be added. A restricted one has permissions by the names
// that Stripe's refusals use ("rak_balance_read").
type Key struct {
	Restricted  bool
	Permissions []string
}

// Endpoint is a webhook endpoint to be added.
type Endpoint struct {
	ID          string // "" is a new one
	URL         string
	Events      []string // none is every event
	APIVersion  string
	Description string
	Metadata    map[string]string
	Disabled    bool
}

// AddKey makes a key and gives its value.
func (s *Stripe) AddKey(k Key) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addKey(k)
}

// AddEndpoint makes an endpoint, and gives its id and its signing secret.
func (s *Stripe) AddEndpoint(seed Endpoint) (id, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &endpoint{id: cmp.Or(seed.ID, s.id("we_1")), created: s.now().Truncate(time.Second), url: seed.URL, events: slices.Clone(seed.Events), apiVersion: seed.APIVersion,
		description: seed.Description, metadata: map[string]string{}, disabled: seed.Disabled}
	if len(e.events) == 0 {
		e.events = []string{"*"}
	}
	maps.Copy(e.metadata, seed.Metadata)
	s.endpoints = slices.Insert(s.endpoints, 0, e)
	return e.id, s.newSecret(e)
}
