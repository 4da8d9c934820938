package stripe

import "github.com/pawlhq/pawl/driver"

// What a restricted key needs, in the dashboard's words and in those of
// Stripe's refusals. A secret key may do everything.
const (
	balanceRead    = `"Balance": Read (rak_balance_read)`
	endpointsRead  = `"Webhook Endpoints, Event Destinations": Read (rak_webhook_read)`
	endpointsWrite = `"Webhook Endpoints, Event Destinations": Write (rak_webhook_write)`
)

// calls lists every operation that the driver uses.
func calls() []driver.Call {
	const all, one = pathEndpoints, pathEndpoints + "/{webhook_endpoint}"
	return []driver.Call{
		{Method: "GET", Path: defaultVerify, Permission: balanceRead + ", or none: a refusal for want of it is an answer", For: kindKey + " verify, with the key itself, unless verify_path names another call; probe"},
		{Method: "GET", Path: all, Permission: endpointsRead, For: kindEndpoint + " list, mint and probe"},
		{Method: "POST", Path: all, Permission: endpointsWrite, For: kindEndpoint + " mint"},
		{Method: "GET", Path: one, Permission: endpointsRead, For: kindSecret + " probe, where the connection has a key"},
		{Method: "POST", Path: one, Permission: endpointsWrite, For: kindEndpoint + " deactivate and reactivate"},
		{Method: "DELETE", Path: one, Permission: endpointsWrite, For: kindEndpoint + " revoke"},
		{Method: "POST", Path: "/{path}", Permission: "none: the consumer's own address, without a credential", For: checkSigned + " check"},
	}
}

const notes = `### The connection's credential

Only ` + "`webhook_endpoint`" + ` needs one: a restricted key with the permission in the table above, of the same account and mode
as the endpoint. It is not the key that the application uses. A person rotates it as every other key.

### Rotating an API key

Making a key, rotating it and ending it is done in the dashboard alone, and Stripe asks for a code that it sends to the person.

- Choose an expiration of up to 7 days. *Now* ends the old key at once, and with it every consumer that has not the new one.
- The clock runs from that moment: what does not have the new key in time fails. Where 7 days are not enough, make a second key, hand it
  over, and expire the old one by hand; say ` + "`retire: {mode: person}`" + ` then.
- The new key of a live account is shown once. Write ` + "`format: {prefix: sk_live_}`" + ` (or ` + "`rk_live_`" + `) into the estate, and a key of the wrong mode is
  refused before it is written anywhere.
- No call tells when a key was last used. The dashboard shows each key's request log: look at it before an old key is ended by hand.

A dead key is answered with 401; its code is ` + "`api_key_expired`" + ` when its time after a rotation is over. 403 is a restricted key that is
alive and lacks the permission for that call. Neither counts unless Stripe itself has written the answer. A key that Stripe takes
from certain addresses only must be verified from one of them.

### Rolling a signing secret

A signing secret can never be read again, and Stripe cannot be asked whether one is in force. There are two ways.

- ` + "`webhook_secret`" + `: a person rolls the secret of the endpoint in the dashboard. Until the old one expires, after at most 24 hours,
  each event carries one signature for each secret, so a consumer works with either.
- ` + "`webhook_endpoint`" + `: pawl makes a second endpoint with the same URL. Each event is sent by both endpoints, with the same event id: the
  consumer must drop what it has seen (Stripe asks that of every consumer). One that accepts both secrets, so that its location has
  the role ` + "`accepts`" + `, takes both copies. One that holds a single secret takes one of them and refuses the other, which Stripe sends
  again for up to three days: nothing is lost, and the dashboard shows failed deliveries. Pawl then disables the old endpoint, which
  can be taken back, and deletes it, which cannot. Events of the time in which an endpoint was disabled are not sent to it later;
  the other one has them.

The name of a version is in the metadata ` + "`pawl_name`" + ` of its endpoint; the description stays as it was. An account usually has room
for 16 endpoints in each mode. The endpoint that was there before the first rotation has no name: pawl does not end it
without a person's word.

### What the check does

` + "`webhook_signed`" + ` sends events to the consumer itself, not to Stripe, so it works for a secret that Stripe has not yet used. An event
with a wrong signature comes first, and must be refused: expect one warning in the consumer's log. The consumer
should answer a test event about a subscription that it does not know with a success, as it should any event that it has no use for;
if it does not, name a ` + "`customer`" + ` and a ` + "`subscription`" + ` that it knows.`
