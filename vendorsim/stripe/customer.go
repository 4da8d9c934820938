package stripe

import (
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

type customer struct {
	id                       string
	created                  time.Time
	name, email, description string
	metadata                 map[string]string
}

func (k *customer) view(live bool) map[string]any {
	return map[string]any{"id": k.id, "object": "customer", "created": k.created.Unix(), "livemode": live, "name": orNull(k.name), "email": orNull(k.email),
		"description": orNull(k.description), "metadata": k.metadata}
}

func (s *Stripe) customer(id string) *customer {
	i := slices.IndexFunc(s.customers, func(k *customer) bool { return k.id == id })
	if i < 0 {
		return nil
	}
	return s.customers[i]
}

func (s *Stripe) listCustomers(c *route.Call) {
	all := make([]listed, len(s.customers))
	for i, k := range s.customers {
		all[i] = listed{k.id, k.view(s.cfg.Live)}
	}
	page(c, all)
}

func (s *Stripe) createCustomer(c *route.Call) {
	f, ok := read(c)
	if !ok {
		return
	}
	k := &customer{id: s.id("cus_")[:len("cus_")+14], created: s.now(), metadata: map[string]string{}}
	k.name, _ = f.text("name")
	k.email, _ = f.text("email")
	k.description, _ = f.text("description")
	if !tag(c, k.metadata, f) {
		return
	}
	s.customers = slices.Insert(s.customers, 0, k)
	s.emit("customer.created", k.view(s.cfg.Live))
	c.JSON(http.StatusOK, k.view(s.cfg.Live))
}

func (s *Stripe) showCustomer(c *route.Call) {
	if k := s.customer(c.Arg("customer")); k != nil {
		c.JSON(http.StatusOK, k.view(s.cfg.Live))
		return
	}
	missing(c, "customer", c.Arg("customer"))
}

// deleteCustomer forgets a customer. At Stripe one that is gone can still be
// shown as {deleted: true}; here it is missing.
func (s *Stripe) deleteCustomer(c *route.Call) {
	k := s.customer(c.Arg("customer"))
	if k == nil {
		missing(c, "customer", c.Arg("customer"))
		return
	}
	s.customers = slices.DeleteFunc(s.customers, func(o *customer) bool { return o == k })
	s.emit("customer.deleted", k.view(s.cfg.Live))
	c.JSON(http.StatusOK, map[string]any{"id": k.id, "object": "customer", "deleted": true})
}

func (s *Stripe) showBalance(c *route.Call) {
	amount := []any{map[string]any{"amount": 0, "currency": "usd", "source_types": map[string]any{"card": 0}}}
	c.JSON(http.StatusOK, map[string]any{"object": "balance", "available": amount, "pending": amount, "livemode": s.cfg.Live})
}

// sessionLife is how long a checkout session can be used unless the call says
// otherwise.
const sessionLife = 24 * time.Hour

// createSession makes a checkout session, whose url leads to a page that is
// really there.
func (s *Stripe) createSession(c *route.Call) {
	f, ok := read(c)
	if !ok {
		return
	}
	mode, _ := f.text("mode")
	success, _ := f.text("success_url")
	of, named := f.text("customer")
	switch {
	case !slices.Contains([]string{"payment", "setup", "subscription"}, mode):
		wrong(c, "mode", "parameter_missing", "You must provide one of payment, setup or subscription as mode.")
		return
	case success == "":
		wrong(c, "success_url", "parameter_missing", "Missing required param: success_url.")
		return
	case named && s.customer(of) == nil:
		fail(c, http.StatusBadRequest, problem{Code: "resource_missing", Param: "customer", Message: "No such customer: '" + of + "'"})
		return
	}
	id, now := s.id("cs_"+s.mode()+"_"), s.now()
	s.sessions = append(s.sessions, id)
	c.JSON(http.StatusOK, map[string]any{"id": id, "object": "checkout.session", "automatic_tax": map[string]any{"enabled": false, "liability": nil, "provider": nil, "status": nil},
		"created": now.Unix(), "custom_fields": []any{}, "custom_text": map[string]any{"after_submit": nil, "shipping_address": nil, "submit": nil, "terms_of_service_acceptance": nil},
		"expires_at": now.Add(sessionLife).Unix(), "livemode": s.cfg.Live, "mode": mode, "payment_method_types": []string{"card"}, "payment_status": "unpaid",
		"shipping_options": []any{}, "status": "open", "success_url": success, "customer": orNull(of), "metadata": f.dict("metadata"), "url": "https://" + CheckoutHost + "/c/pay/" + id})
}

// showPage is the page of a checkout session.
func (s *Stripe) showPage(c *route.Call) {
	code, text := http.StatusOK, "<!doctype html><title>Checkout</title>"
	if !slices.Contains(s.sessions, c.Arg("session")) {
		code, text = http.StatusNotFound, "<!doctype html><title>Something went wrong</title>"
	}
	c.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.W.WriteHeader(code)
	_, _ = io.WriteString(c.W, text) // the caller may have gone
}
