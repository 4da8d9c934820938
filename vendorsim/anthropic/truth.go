package anthropic

import (
	"slices"
	"time"
)

// KeyState is what is so about a key, without its value.
type KeyState struct {
	ID, Name, Status string
	Workspace        string // its id; "" is the default one
	CreatedAt        time.Time
	ExpiresAt        time.Time // zero is never
	LastUsed         time.Time // which the API tells nobody; zero is never
}

// Keys lists all keys that were ever made, oldest first.
func (a *Anthropic) Keys() []KeyState {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]KeyState, 0, len(a.keys))
	for _, k := range a.keys {
		s := KeyState{ID: k.id, Name: k.name, Status: k.shown(a.now()), CreatedAt: k.createdAt, ExpiresAt: k.expiresAt, LastUsed: k.lastUsed}
		if k.workspace != nil {
			s.Workspace = k.workspace.id
		}
		list = append(list, s)
	}
	return list
}

// Status gives a key's status, "" for one that is not there.
func (a *Anthropic) Status(id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := a.key(id); k != nil {
		return k.shown(a.now())
	}
	return ""
}

// KeyValue gives the value of a key by its id, to be compared and never printed.
func (a *Anthropic) KeyValue(id string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k := a.key(id); k != nil {
		return k.value, true
	}
	return "", false
}

// Accepted reports whether a value opens anything now.
func (a *Anthropic) Accepted(value string) bool { return a.AcceptedAt(value, a.now()) }

// AcceptedAt reports whether a value opened anything at an instant, as far as
// the last change of its key tells.
func (a *Anthropic) AcceptedAt(value string, at time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.find(value, at) != nil
}

// Issued gives every credential that was made here, as the strings that a
// leak search looks for.
func (a *Anthropic) Issued() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.issued)
}
