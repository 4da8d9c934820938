package crash

import (
	"slices"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// ownKey is the key of a tenant that pays for its own.
var ownKey = anthropic.Key{Name: "bolt-own"}

// answer is a person who makes what only people can make, once, knows which
// credential is whose, and approves.
func (b *runbook) answer(st *rotation.State, step *plan.Step) (rotation.Entry, secret.Parts, bool) {
	approve := rotation.Entry{Word: rotation.WordApprove, Why: "yes"}
	switch step.Act {
	case plan.ActProvide:
		if b.hand == "" {
			b.make(st, step)
		}
		return rotation.Entry{Word: rotation.WordProvide}, secret.One(secret.NewString(b.hand)), true
	case plan.ActMint, plan.ActDiscard:
		if suspect := st.Steps[step.ID].Suspect; suspect != nil && slices.Contains(b.strange, suspect.ID) {
			return rotation.Entry{Word: rotation.WordDecline, Why: "it is somebody else's"}, nil, true
		}
		return approve, nil, true
	case plan.ActRevoke, plan.ActDeactivate:
		return rotation.Entry{Word: rotation.WordDecline, Why: "a consumer is still on it"}, nil, true
	case plan.ActName:
		for _, c := range b.live() {
			if c.Initial {
				return rotation.Entry{Word: rotation.WordChoose, Credential: &driver.Credential{ID: c.ID}}, nil, true
			}
		}
		return rotation.Entry{}, nil, false
	default:
		return approve, nil, true
	}
}

// make makes the new version at the vendor.
func (b *runbook) make(st *rotation.State, step *plan.Step) {
	switch b.name {
	case saas.StripeKey:
		b.hand = b.Stripe.RollKey(b.First[b.name], 7*daily)
	case saas.WebhookSecret:
		b.hand = b.Stripe.RollSecret(saas.Endpoint, 24*time.Hour)
	case saas.AnthropicKey:
		name := "made by hand"
		if sub, ok := st.Plan.Subject(step.Secret); ok {
			name = sub.Name
		}
		_, b.hand = b.Anthropic.CreateKey(anthropic.Key{Name: name})
	case saas.ResendFrom:
		b.hand = "Molecule AI <hello@" + saas.MailDomain + ">"
	}
}
