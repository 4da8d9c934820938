package resend

import (
	"slices"
	"time"
)

// KeyState is what is so about a key, without its value.
type KeyState struct {
	ID, Name, Permission string
	Domain               string // the name of the only domain it may send from; "" is any
	CreatedAt            time.Time
	UsedAt               time.Time // zero is never
	DeletedAt            time.Time // zero is not
}

// EmailState is what is so about an email.
type EmailState struct {
	ID, From, Subject string
	To                []string
	KeyID             string // of the key that sent it
	CreatedAt         time.Time
	Event             string // the last one, now
}

// Keys lists all keys that were ever made, oldest first.
func (r *Resend) Keys() []KeyState {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]KeyState, 0, len(r.keys))
	for _, k := range r.keys {
		s := KeyState{ID: k.id, Name: k.name, Permission: k.permission, CreatedAt: k.createdAt, UsedAt: k.usedAt, DeletedAt: k.deletedAt}
		if k.domain != nil {
			s.Domain = k.domain.name
		}
		list = append(list, s)
	}
	return list
}

// KeyValue gives the value of a key by its id, to be compared and never
// printed.
func (r *Resend) KeyValue(id string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.keys, func(k *key) bool { return k.id == id })
	if i < 0 {
		return "", false
	}
	return r.keys[i].token, true
}

// KeyAccepted reports whether Resend takes the value now, for whatever it may
// do. It does not count as a use.
func (r *Resend) KeyAccepted(value string) bool { return r.KeyAcceptedAt(value, r.now()) }

// KeyAcceptedAt reports whether Resend took the value at an instant.
func (r *Resend) KeyAcceptedAt(value string, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.find(value, at) != nil
}

// DomainStatus gives the status of a domain, "" where there is no such domain.
func (r *Resend) DomainStatus(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d := r.named(name); d != nil {
		return d.status
	}
	return ""
}

// Emails lists all emails, oldest first, also those that cannot be read yet.
func (r *Resend) Emails() []EmailState {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]EmailState, 0, len(r.emails))
	for _, e := range r.emails {
		list = append(list, EmailState{ID: e.id, From: e.from, Subject: e.subject, To: slices.Clone(e.to), KeyID: e.key.id,
			CreatedAt: e.createdAt, Event: e.last(r.now(), r.cfg)})
	}
	return list
}

// Issued gives every key that was made here, as the strings that a leak search
// looks for.
func (r *Resend) Issued() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.issued)
}
