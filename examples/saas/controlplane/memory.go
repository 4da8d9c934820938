package controlplane

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/pawlhq/pawl/examples/saas/tenant"
)

// Memory is a Store in this process. It is a database in what it does, and
// outlives the Servers that use it. The zero Memory is empty.
type Memory struct {
	mu     sync.Mutex
	orgs   []Org
	events map[string]Event
}

var _ Store = (*Memory)(nil)

// Ping reports that it is there.
func (m *Memory) Ping(context.Context) error { return nil }

// List gives all tenants, the oldest first.
func (m *Memory) List(context.Context) ([]Org, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Org, len(m.orgs))
	for i, o := range m.orgs {
		o.Sealed = clone(o.Sealed)
		all[i] = o
	}
	return all, nil
}

// Find gives the tenant with an id or a slug.
func (m *Memory) Find(_ context.Context, name string) (Org, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.orgs {
		if o.ID == name || o.Slug == name {
			o.Sealed = clone(o.Sealed)
			return o, nil
		}
	}
	return Org{}, ErrNotFound
}

// Insert adds a tenant.
func (m *Memory) Insert(_ context.Context, o Org) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.orgs, func(have Org) bool { return have.Slug == o.Slug || have.ID == o.ID }) {
		return ErrTaken
	}
	o.Sealed = clone(o.Sealed)
	m.orgs = append(m.orgs, o)
	return nil
}

// Change changes a tenant.
func (m *Memory) Change(_ context.Context, id string, c Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.at(id)
	if i < 0 || c.If != "" && m.orgs[i].Status != c.If {
		return ErrNotFound
	}
	o := &m.orgs[i]
	for place, v := range map[*string]string{&o.App: c.App, &o.Branch: c.Branch, &o.Customer: c.Customer, &o.Status: c.Status} {
		if v != "" {
			*place = v
		}
	}
	for place, v := range map[*[]byte][]byte{&o.DatabaseURL: c.DatabaseURL, &o.RedisURL: c.RedisURL, &o.AdminToken: c.AdminToken} {
		if v != nil {
			*place = bytes.Clone(v)
		}
	}
	return nil
}

// Remove deletes a tenant.
func (m *Memory) Remove(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.at(id)
	if i < 0 {
		return false, nil
	}
	for id, e := range m.events {
		if e.Customer != "" && e.Customer == m.orgs[i].Customer {
			m.events[id] = Event{ID: id, Type: e.Type, Created: e.Created, TakenAt: e.TakenAt}
		}
	}
	m.orgs = slices.Delete(m.orgs, i, i+1)
	return true, nil
}

// Take keeps an event.
func (m *Memory) Take(_ context.Context, e Event) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, again := m.events[e.ID]; again {
		return false, nil
	}
	newest := e.Plan != "" && e.Customer != ""
	for _, other := range m.events {
		newest = newest && !(other.Customer == e.Customer && other.Plan != "" && other.Created.After(e.Created))
	}
	for i := range m.orgs {
		if newest && m.orgs[i].Customer == e.Customer {
			m.orgs[i].Plan = e.Plan
		}
	}
	if m.events == nil {
		m.events = map[string]Event{}
	}
	if !slices.ContainsFunc(m.orgs, func(o Org) bool { return o.Customer == e.Customer }) {
		e.Customer, e.Plan = "", ""
	}
	m.events[e.ID] = e
	return true, nil
}

func (m *Memory) at(id string) int {
	return slices.IndexFunc(m.orgs, func(o Org) bool { return o.ID == id })
}

func clone(s tenant.Sealed) tenant.Sealed {
	return tenant.Sealed{DatabaseURL: bytes.Clone(s.DatabaseURL), RedisURL: bytes.Clone(s.RedisURL), AdminToken: bytes.Clone(s.AdminToken)}
}
