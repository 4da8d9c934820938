package stripe

import (
	"maps"
	"slices"
)

// EndpointState is what is so about a webhook endpoint. Secrets are those that
// sign now, newest first, to be compared and never printed.
type EndpointState struct {
	ID, URL, APIVersion, Description string
	Events                           []string
	Metadata                         map[string]string
	Disabled                         bool
	Secrets                          []string
}

// Endpoints lists the webhook endpoints, newest first.
func (s *Stripe) Endpoints() []EndpointState {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]EndpointState, len(s.endpoints))
	for i, e := range s.endpoints {
		list[i] = EndpointState{ID: e.id, URL: e.url, APIVersion: e.apiVersion, Description: e.description, Events: slices.Clone(e.events),
			Metadata: maps.Clone(e.metadata), Disabled: e.disabled, Secrets: e.inForce(s.now())}
	}
	return list
}

// KeyAccepted reports whether Stripe takes a key now.
func (s *Stripe) KeyAccepted(value string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.keys, func(k *key) bool { return k.value == value && k.alive(s.now(), s.cfg.RevocationLag) })
}

// Keys lists the keys that Stripe takes now, the oldest first, to be compared
// and never printed.
func (s *Stripe) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, k := range s.keys {
		if k.alive(s.now(), s.cfg.RevocationLag) {
			list = append(list, k.value)
		}
	}
	return list
}

// Customers gives the ids of the customers, newest first.
func (s *Stripe) Customers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]string, len(s.customers))
	for i, k := range s.customers {
		list[i] = k.id
	}
	return list
}

// Delivery is what became of an event at one endpoint.
type Delivery struct {
	Event, Type, Endpoint string
	Attempts              []Attempt
	Over                  bool // no attempt follows
}

// Deliveries lists all of them, oldest first.
func (s *Stripe) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Delivery, len(s.deliveries))
	for i, d := range s.deliveries {
		list[i] = Delivery{Event: d.event, Type: d.kind, Endpoint: d.endpoint, Attempts: slices.Clone(d.attempts), Over: d.over}
	}
	return list
}

// Issued gives every credential that was made here, as the strings that a leak
// search looks for.
func (s *Stripe) Issued() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.issued)
}
