package controlplane

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/pawlhq/pawl/examples/saas/webhook"
)

// checkout makes a checkout session, for a tenant's customer where the body
// names an org, and gives the page that the customer is sent to.
func (s *Server) checkout(r *http.Request) (int, any, error) {
	var in struct{ Org string }
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	form := url.Values{"mode": {"setup"}, "currency": {"eur"}, "success_url": {s.cfg.PublicURL + "/done"}}
	if in.Org != "" {
		o, err := s.store.Find(r.Context(), in.Org)
		if err != nil {
			return 0, nil, err
		}
		form.Set("customer", o.Customer)
	}
	page, err := s.bills.checkout(r.Context(), form)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]string{"url": page}, nil
}

// tolerance is how old a signature may be, Stripe's own choice ("Receive
// Stripe events in your webhook endpoint").
const tolerance = 5 * time.Minute

// subscriptionUpdated is the one type of event that does something.
const subscriptionUpdated = "customer.subscription.updated"

// stripeEvent takes an event. One that comes again is answered as taken and
// does nothing: Stripe repeats what was not answered with 2xx, and two
// endpoints deliver each event twice.
func (s *Server) stripeEvent(r *http.Request) (int, any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, nil, refuse(http.StatusRequestEntityTooLarge, "the event is too large, or was cut off")
	}
	now := s.deps.Now()
	if err := webhook.Verify(body, r.Header.Get(webhook.Header), s.cfg.WebhookSecrets, tolerance, now); err != nil {
		s.log.Warn("400 invalid signature: " + err.Error())
		return 0, nil, refuse(http.StatusBadRequest, "invalid signature")
	}
	e, err := eventOf(body)
	if err != nil {
		return 0, nil, refuse(http.StatusBadRequest, err.Error())
	}
	e.TakenAt = now
	fresh, err := s.store.Take(r.Context(), e)
	switch {
	case err != nil:
		return 0, nil, err
	case !fresh:
		return http.StatusOK, map[string]bool{"received": true, "duplicate": true}, nil
	}
	return http.StatusOK, map[string]bool{"received": true}, nil
}

// eventOf reads what matters of an event. The plan is the first item's, by the
// name that its price has for lookups, or by its id.
func eventOf(body []byte) (Event, error) {
	var in struct {
		ID, Type string
		Created  int64
		Data     struct {
			Object struct {
				Customer json.RawMessage // its id, or the customer as a whole
				Items    struct {
					Data []struct {
						Price struct {
							ID  string
							Key string `json:"lookup_key"`
						}
					}
				}
			}
		}
	}
	if json.Unmarshal(body, &in) != nil || in.ID == "" {
		return Event{}, errors.New("the body is no event")
	}
	e := Event{ID: in.ID, Type: in.Type, Created: time.Unix(in.Created, 0).UTC()}
	o := in.Data.Object
	if in.Type != subscriptionUpdated {
		return e, nil
	}
	_ = json.Unmarshal(o.Customer, &e.Customer) // what is no id names no tenant
	if len(o.Items.Data) > 0 {
		if e.Plan = o.Items.Data[0].Price.Key; e.Plan == "" {
			e.Plan = o.Items.Data[0].Price.ID
		}
	}
	return e, nil
}
