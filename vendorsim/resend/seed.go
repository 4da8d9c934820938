package resend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/pawlhq/pawl/vendorsim"
)

// The seeding calls below set up a world, or do what people and programs do
// beside pawl. They panic on names that do not exist or exist twice: a mistake
// of the program.

// AddKey makes an API key, as a person does in the dashboard, and gives its id
// and its value. from is the name of the only domain that it may send from, ""
// for all.
func (r *Resend) AddKey(name, permission, from string) (id, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var only *domain
	if from != "" {
		only = r.mustDomain(from)
	}
	k := r.mint(name, permission, only)
	return k.id, k.token
}

// AdoptKey makes a key with a value from outside, for checks that are tried
// with a value of the caller's.
func (r *Resend) AdoptKey(name, permission, value string) (id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.mint(name, permission, nil)
	k.token, r.issued[len(r.issued)-1] = value, value
	return k.id
}

// DeleteKey deletes a key, as a person does in the dashboard.
func (r *Resend) DeleteKey(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, k := range r.keys {
		if k.id == id {
			k.deletedAt = r.now()
			return
		}
	}
	panic("resend: no such key: " + id)
}

// AddDomain makes a domain with one of the statuses and gives its id.
func (r *Resend) AddDomain(name, status string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.named(name) != nil {
		panic("resend: the domain exists: " + name)
	}
	return r.makeDomain(name, regions[0], status).id
}

// SetDomain gives a domain another status.
func (r *Resend) SetDomain(name, status string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mustDomain(name).status = status
}

// StopSending leaves a domain to receive only, verified or not.
func (r *Resend) StopSending(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mustDomain(name).sending = "disabled"
}

// PublishRecords puts a domain's records into its DNS: the next verification
// finds them.
func (r *Resend) PublishRecords(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mustDomain(name).ready = true
}

// SetEvent makes an event the last one of an email, for good.
func (r *Resend) SetEvent(id, event string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.emails, func(e *email) bool { return e.id == id })
	if i < 0 {
		panic("resend: no such email: " + id)
	}
	r.emails[i].event = event
}

func (r *Resend) mustDomain(name string) *domain {
	if d := r.named(name); d != nil {
		return d
	}
	panic("resend: no such domain: " + name)
}

// Mail is an email that an application sends.
type Mail struct{ From, To, Subject string }

// Send sends an email with a key, as an application does: by the call that it
// makes. It counts in the log and as the key's use. The error says with which
// status and name Resend refused it.
func (r *Resend) Send(key string, m Mail) error {
	body, err := json.Marshal(map[string]any{"from": m.From, "to": m.To, "subject": m.Subject, "text": "hello"})
	if err != nil {
		return fmt.Errorf("resend: encode the email: %w", err)
	}
	req, err := http.NewRequest(http.MethodPost, "https://"+Host+"/emails", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("resend: make the call: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("User-Agent", "application")
	req.Header.Set("Content-Type", "application/json")
	resp, err := vendorsim.Transport(map[string]http.Handler{Host: r}).RoundTrip(req)
	if err != nil {
		return fmt.Errorf("resend: %w", err)
	}
	var said struct{ Name string }
	if err := json.NewDecoder(resp.Body).Decode(&said); err != nil {
		return fmt.Errorf("resend: read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("resend: refused with %d %s", resp.StatusCode, said.Name)
	}
	return nil
}
