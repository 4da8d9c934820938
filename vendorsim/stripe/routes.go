package stripe

import "github.com/pawlhq/pawl/vendorsim/internal/route"

const (
	allEndpoints = "/v1/webhook_endpoints"
	oneEndpoint  = "/v1/webhook_endpoints/{webhook_endpoint}"
	allCustomers = "/v1/customers"
	oneCustomer  = "/v1/customers/{customer}"
	pagePath     = "/c/pay/{session}"
)

// table is all calls. It is built once and never changed.
var table = route.Table[*Stripe]{
	{Method: "GET", Path: "/v1/balance", Do: (*Stripe).showBalance},
	{Method: "GET", Path: allEndpoints, Do: (*Stripe).listEndpoints},
	{Method: "POST", Path: allEndpoints, Do: (*Stripe).createEndpoint},
	{Method: "GET", Path: oneEndpoint, Do: withEndpoint((*Stripe).showEndpoint)},
	{Method: "POST", Path: oneEndpoint, Do: withEndpoint((*Stripe).updateEndpoint)},
	{Method: "DELETE", Path: oneEndpoint, Do: withEndpoint((*Stripe).deleteEndpoint)},
	{Method: "GET", Path: allCustomers, Do: (*Stripe).listCustomers},
	{Method: "POST", Path: allCustomers, Do: (*Stripe).createCustomer},
	{Method: "GET", Path: oneCustomer, Do: (*Stripe).showCustomer},
	{Method: "DELETE", Path: oneCustomer, Do: (*Stripe).deleteCustomer},
	{Method: "POST", Path: "/v1/checkout/sessions", Do: (*Stripe).createSession},
	{Method: "GET", Path: pagePath, Do: (*Stripe).showPage},
}

// needs names the permission that a restricted key needs for a call.
var needs = map[string]string{
	"GET /v1/balance":            "rak_balance_read",
	"GET " + allEndpoints:        "rak_webhook_read",
	"POST " + allEndpoints:       "rak_webhook_write",
	"GET " + oneEndpoint:         "rak_webhook_read",
	"POST " + oneEndpoint:        "rak_webhook_write",
	"DELETE " + oneEndpoint:      "rak_webhook_write",
	"GET " + allCustomers:        "rak_customer_read",
	"POST " + allCustomers:       "rak_customer_write",
	"GET " + oneCustomer:         "rak_customer_read",
	"DELETE " + oneCustomer:      "rak_customer_write",
	"POST /v1/checkout/sessions": "rak_checkout_session_write",
}
