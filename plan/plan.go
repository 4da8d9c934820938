// Package plan computes what a rotation will do, step by step, before
// anything is touched. It is pure: an estate, what is known of its secrets,
// and the time go in; a Plan with a digest comes out. It has no clock, no
// network and no randomness.
//
// A Plan is data. The engine pins it for the whole rotation, so a changed
// estate never changes a rotation under way.
package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Format is the version of the plan's own form. An engine refuses to go on
// with a plan of a newer format.
const Format = 1

// Mode says which of a secret's two plans this is.
type Mode string

// The modes.
const (
	Normal      Mode = "normal"
	Compromised Mode = "compromised" // the old value is in the wrong hands
)

// Plan is what one rotation will do. Steps run in the order of their stages;
// steps of one stage may run side by side.
type Plan struct {
	Format      int                   `json:"format"`
	Estate      string                `json:"estate"`
	Mode        Mode                  `json:"mode"`
	MadeAt      time.Time             `json:"made_at"`
	Subjects    []Subject             `json:"subjects"`
	Connections map[string]Connection `json:"connections"`
	Steps       []Step                `json:"steps"`
	Undo        []Step                `json:"undo,omitempty"` // inverses, in the order in which they would run
	NoReturn    string                `json:"no_return"`      // the first step after which there is no way back; "" is none
	Gap         Gap                   `json:"gap"`
	People      []string              `json:"people,omitempty"` // what needs a person, in order
	Warnings    []string              `json:"warnings,omitempty"`
	OnFailure   estate.OnFailure      `json:"on_failure"`
	Digest      string                `json:"digest"`
}

// Subject is one secret of the rotation.
type Subject struct {
	Secret      pawl.SecretName    `json:"secret"`
	Purpose     string             `json:"purpose,omitempty"`
	Owner       string             `json:"owner,omitempty"`
	Links       []string           `json:"links,omitempty"`
	Contacts    []estate.Contact   `json:"contacts,omitempty"`     // whom to ask
	BlastRadius string             `json:"blast_radius,omitempty"` // what the rotation does to others even when it goes well
	Shape       Shape              `json:"shape"`
	From        pawl.Version       `json:"from"`
	To          pawl.Version       `json:"to"`
	Parts       []string           `json:"parts"`
	Format      secret.Format      `json:"value_format"`
	Derived     []estate.Derived   `json:"derived,omitempty"`
	Plan        string             `json:"plan,omitempty"` // the name of the alternative; "" is the usual plan
	PlanWhy     string             `json:"plan_why,omitempty"`
	Issuer      Place              `json:"issuer"`
	Source      string             `json:"source"`              // names the issuer; a credential of another is not its to end
	MintedAt    string             `json:"minted_at,omitempty"` // the issuer that minted From, where that was another one
	Facts       estate.IssuerFacts `json:"facts"`
	Name        string             `json:"credential_name,omitempty"`
	Escrow      estate.Escrow      `json:"escrow"`
	IfHalfDone  string             `json:"if_half_done,omitempty"`
	AlsoLeaked  []pawl.SecretName  `json:"also_leaked,omitempty"`
}

// Shape names how the old and the new version relate in time.
type Shape string

// The shapes.
const (
	ShapeSideBySide Shape = "side by side"              // both live until the old one is retired
	ShapeReplaced   Shape = "value replaced at mint"    // the old one dies when the new one is minted
	ShapeWindow     Shape = "issuer's window"           // the issuer ends the old one by itself
	ShapeAcceptList Shape = "accept list"               // verifiers hold both for a while
	ShapeOneSlot    Shape = "one value at its verifier" // a verifier holds the old one or the new one
	ShapeLocal      Shape = "local value"               // minted here; nothing to retire
	ShapeSet        Shape = "configuration"             // a person sets it; nothing is minted, nothing of it ends
)

// Connection is a connection as it was when the plan was made.
type Connection struct {
	Driver     string          `json:"driver"`
	Credential string          `json:"credential,omitempty"` // the reference, never a value
	Settings   estate.Settings `json:"settings,omitempty"`
}

// Place is a target at a connection.
type Place struct {
	Connection string          `json:"connection"`
	Kind       string          `json:"kind"`
	Settings   estate.Settings `json:"settings,omitempty"`
}

// Act is what a step does.
type Act string

// The acts. The comment says whether one changes anything.
const (
	ActProbe      Act = "probe"      // read: connection and permissions
	ActQuota      Act = "quota"      // read: room for one more credential
	ActLearn      Act = "learn"      // read: old value and credential, where they can be found
	ActDiscover   Act = "discover"   // read: the targets of a location, which Expand then puts into the plan
	ActShadow     Act = "shadow"     // read: the places that win over a location
	ActCheck      Act = "check"      // a declared check
	ActApprove    Act = "approve"    // a person approves
	ActTask       Act = "task"       // a person does something and says so
	ActMint       Act = "mint"       // change: one attempt, then look
	ActProvide    Act = "provide"    // a person gives the new value
	ActAccepted   Act = "accepted"   // read: the issuer accepts the value
	ActPut        Act = "put"        // change: write and confirm
	ActActivate   Act = "activate"   // change: consumers load
	ActWait       Act = "wait"       // time passes
	ActUnused     Act = "unused"     // read: the old version was not used for a time
	ActWrong      Act = "wrong"      // read: a made-up value is refused
	ActName       Act = "name"       // read: which credential is the old one; a person says so if need be
	ActDeactivate Act = "deactivate" // change: disable the old one
	ActRevoke     Act = "revoke"     // change: end the old one
	ActRefused    Act = "refused"    // read: the issuer refuses the old value
	ActDiscard    Act = "discard"    // undo: end the new one
	ActClean      Act = "clean"      // undo: take away what a check has made and left
	ActReactivate Act = "reactivate" // undo: enable the old one again
	ActStop       Act = "stop"       // change: other automation, by a call or, with a task, by a person; not of the secret, so it may be waived
	ActStart      Act = "start"      // change: the same automation again
)

// Content says which versions a put writes.
type Content string

// The contents.
const (
	ContentNew  Content = "new"
	ContentOld  Content = "old"
	ContentBoth Content = "old+new" // for locations that accept several
)

// Step is one act on one system.
type Step struct {
	ID       string          `json:"id"`
	Stage    int             `json:"stage"`
	Phase    pawl.Phase      `json:"phase"`
	Act      Act             `json:"act"`
	Secret   pawl.SecretName `json:"secret"`
	Title    string          `json:"title"`
	Place    Place           `json:"place,omitzero"`
	Content  Content         `json:"content,omitempty"`
	Accepts  bool            `json:"accepts,omitempty"` // put: at a location that holds a list
	Render   string          `json:"render,omitempty"`
	Confirm  estate.Strength `json:"confirm,omitempty"`
	Activate string          `json:"activate,omitempty"`
	Undo     string          `json:"undo,omitempty"`     // activate: how what is put back is loaded; "" is the same way
	Of       string          `json:"of,omitempty"`       // activate, and a task in its place: what wrote the value that is loaded, a put or the discovery of many; start: what stopped it
	Consumer bool            `json:"consumer,omitempty"` // activate, task: its place is a consumer of what was written, not the place itself
	Gates    string          `json:"gates,omitempty"`    // check: what wrote the place that must pass it before anything else is written
	Reverses string          `json:"reverses,omitempty"` // undo: the step whose inverse this is
	Removes  bool            `json:"removes,omitempty"`  // undo: may remove a copy that was not there before
	Builtin  estate.Builtin  `json:"builtin,omitempty"`
	Wait     time.Duration   `json:"wait,omitempty"`
	Within   time.Duration   `json:"within,omitempty"` // time that a pending result may take
	Attempts int             `json:"attempts"`         // tries before it has failed for good
	Task     *estate.Task    `json:"task,omitempty"`
	Acts     bool            `json:"acts,omitempty"`     // changes something outside
	Cleans   bool            `json:"cleans,omitempty"`   // check: what it makes is taken away when it is stopped
	Found    string          `json:"found,omitempty"`    // the discovery that found the place
	Each     []Step          `json:"each,omitempty"`     // discover: what is done at each place that is found
	Back     []Step          `json:"back,omitempty"`     // discover: how that is undone
	Identity []string        `json:"identity,omitempty"` // discover: the settings that tell two places apart
	AtLeast  int             `json:"at_least,omitempty"` // discover: fewer places are an error
	AtMost   int             `json:"at_most,omitempty"`  // discover: more are one too; 0 is no bound
	Finds    Place           `json:"finds,omitzero"`     // shadow: the discovery of its places, which are then looked at one by one
	Asks     bool            `json:"asks,omitempty"`     // shadow: a place that may still hold the old version asks a person
}

// Gap is a time in which consumers may have no working value.
type Gap struct {
	Longest time.Duration `json:"longest"`          // every call a minute, every wait at its deadline; 0 is no gap
	People  bool          `json:"people,omitempty"` // a person acts meanwhile: it lasts as long as they take besides
	Why     string        `json:"why,omitempty"`
}

// Step finds a step or an undo step by id.
func (p *Plan) Step(id string) (*Step, bool) {
	for _, list := range [][]Step{p.Steps, p.Undo} {
		for i := range list {
			if list[i].ID == id {
				return &list[i], true
			}
		}
	}
	return nil, false
}

// Subject finds a subject by name.
func (p *Plan) Subject(name pawl.SecretName) (*Subject, bool) {
	for i := range p.Subjects {
		if p.Subjects[i].Secret == name {
			return &p.Subjects[i], true
		}
	}
	return nil, false
}

// digest is the first half of the SHA-256 of the plan as a line of JSON,
// without its digest and the time it was made: two plans that would do the
// same have the same digest.
func (p *Plan) digest() (string, error) {
	bare := *p
	bare.Digest, bare.MadeAt = "", time.Time{}
	sum := sha256.New()
	if err := json.NewEncoder(sum).Encode(&bare); err != nil { // a hash takes everything, so it is the plan
		return "", err
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// Observed is what is known when a plan is made.
type Observed struct {
	Secrets map[pawl.SecretName]Known
}

// Known is what the store knows of one secret.
type Known struct {
	Last       pawl.Version // the highest number ever used
	Current    pawl.Version // 0 when pawl has never seen this secret
	Held       bool         // the current value is held, sealed
	Identified bool         // the current credential's id is known
	Source     string       // the issuer that minted it, as Subject.Source had it; "" is not on record
	RotatedAt  time.Time    // when Current became current
}
