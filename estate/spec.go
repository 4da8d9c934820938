package estate

import (
	"slices"
	"time"

	"github.com/pawlhq/pawl/secret"
)

// Catalog tells what the drivers at hand can do. driver/all has the one that
// pawl ships with; tests bring their own.
type Catalog interface {
	// Spec gives a driver's spec by its name.
	Spec(driver string) (Spec, bool)
	// Drivers lists the names in reading order.
	Drivers() []string
}

// Spec is what the estate may say about one driver: the settings of a
// connection and the kinds of issuer, location and check that it serves.
type Spec struct {
	Name       string     // the driver's name, as in "driver: fly"
	Title      string     // for people: "Fly.io"
	Credential Credential // whether a connection needs a credential
	Connection []Field    // settings of a connection
	Kinds      []Kind
}

// Credential says whether a connection carries a credential reference.
type Credential string

// The choices. A driver with NoCredential and no required connection field
// can be used without declaring a connection, by its own name.
const (
	NoCredential       Credential = "none"
	OptionalCredential Credential = "optional"
	NeedsCredential    Credential = "required"
)

// Kind finds a kind by role and name.
func (s Spec) Kind(r Role, name string) (Kind, bool) {
	for _, k := range s.Kinds {
		if k.Role == r && k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// Role says what a kind is used for.
type Role string

// The roles.
const (
	RoleIssuer   Role = "issuer"
	RoleLocation Role = "location"

	// RoleActivation makes a consumer load what a location of another driver
	// holds.
	RoleActivation Role = "activation"

	RoleCheck Role = "check"

	// RoleDiscovery finds the targets of a location at run time.
	RoleDiscovery Role = "discovery"
)

// Kind is one thing that a driver serves in one role, for example the
// location kind "app_secret" of the driver "fly".
type Kind struct {
	Role     Role
	Name     string
	Doc      string   // one or two sentences, Markdown
	Fields   []Field  // settings beside use, kind and the common ones
	Identity []string // fields that tell two targets apart, in reading order; a discovery gives them
	Given    []string // required fields that a discovery may give beside those
	Writes   []string // required fields that only a write needs: a shadow, which is never written, may leave them out
	Manual   Manual   // what a person does in pawl's place
	Waits    bool     // with RoleActivation: as of ActivationFact

	Issuer   *IssuerFacts   // set exactly when Role is RoleIssuer
	Location *LocationFacts // set exactly when Role is RoleLocation
	Check    *CheckFacts    // set exactly when Role is RoleCheck
}

// found is the fields of a location that need not be written where it is
// discovered.
func (k *Kind) found() []string { return slices.Concat(k.Identity, k.Given) }

// spared is the fields that need not be written in an object of some use: those
// that a discovery gives and, in a shadow, those of a write.
func (k *Kind) spared(discovers, shadow bool) []string {
	var list []string
	if discovers {
		list = k.found()
	}
	if shadow {
		list = append(slices.Clone(list), k.Writes...)
	}
	return list
}

// FieldType is the type of a setting.
type FieldType string

// The types. A template is a string in text/template syntax over the value
// data (see docs/use/estate.md); settings of type string may use {{.Date}},
// {{.Secret}}, {{.Estate}}, {{.Version}} and {{.Environment}} only where the
// field's Doc says so.
const (
	String   FieldType = "string"
	Integer  FieldType = "integer"
	Boolean  FieldType = "boolean"
	Duration FieldType = "duration" // "90s", "20m", "36h", "90d"; pinned as nanoseconds
	List     FieldType = "list"     // of strings
	Map      FieldType = "map"      // string to string
	Template FieldType = "template"
)

// Field describes one setting.
type Field struct {
	Name     string
	Type     FieldType
	Doc      string
	Required bool
	Default  any      // typed as the field; "{{secret}}" stands for the secret's name
	Enum     []string // allowed values, if not empty
	Example  string
	URL      bool // a String that is an address: http:// or https://, a host, and no user or password
}

// Minter says who makes a new version at an issuer.
type Minter string

// The minters.
const (
	ByAPI    Minter = "api"    // a call to the issuer
	Locally  Minter = "local"  // pawl generates the value
	ByPerson Minter = "person" // a durable task with a masked prompt
)

// Overlap says what happens to the old version when a new one is minted.
type Overlap string

// The overlaps.
const (
	SideBySide   Overlap = "side-by-side"  // both live until the old one is retired
	IssuerWindow Overlap = "issuer-window" // both live until the issuer ends the old one by itself
	Replaced     Overlap = "replaced"      // the old one dies when the new one is minted
)

// IssuerFacts are what the plan must know of an issuer.
type IssuerFacts struct {
	Mint        Minter        `json:"mint"`
	Overlap     Overlap       `json:"overlap"`
	MaxLive     int           `json:"max_live,omitempty"`    // credentials that may live at once; 0 is no known limit
	Named       bool          `json:"named,omitempty"`       // credentials carry a name that pawl chooses
	Lists       bool          `json:"lists,omitempty"`       // live credentials can be listed
	Revokes     bool          `json:"revokes,omitempty"`     // a version can be ended by a call
	Deactivates bool          `json:"deactivates,omitempty"` // a version can be disabled and enabled again
	LastUsed    bool          `json:"last_used,omitempty"`   // the issuer tells when a version was last used
	Verifies    bool          `json:"verifies,omitempty"`    // the issuer can be asked whether a value is accepted
	Identifies  bool          `json:"identifies,omitempty"`  // the credential's id can be found from its value
	Window      time.Duration `json:"window,omitempty"`      // IssuerWindow: longest time that the old one lives on
	RevokeLag   time.Duration `json:"revoke_lag,omitempty"`  // how long a revoked version may still be accepted
	Parts       []string      `json:"parts,omitempty"`       // parts that a mint yields; empty is the single part

	// Forms is what values look like, by part, as far as the vendor publishes it.
	// What a person gives is held against it before anything is written; what the
	// issuer itself answers is not, so that a vendor may change it.
	Forms map[string]secret.Form `json:"forms,omitempty"`

	// Resets says that the issuer keeps one value and minting resets it: a mint
	// whose answer was lost is settled by minting again, because whatever it made
	// is replaced by that and nothing is orphaned. Only with Replaced.
	Resets bool `json:"resets,omitempty"`
}

// Strength is how well a write can be confirmed.
type Strength string

// The strengths, strongest first.
const (
	ByValue     Strength = "value"     // the place gives the value back
	ByDigest    Strength = "digest"    // a digest or revision that moves with the value
	ByTimestamp Strength = "timestamp" // only the time of the last write
	ByNothing   Strength = "none"      // the place tells nothing: a check must show it
)

// LocationFacts are what the plan must know of a location.
type LocationFacts struct {
	Confirm     Strength
	Readable    bool             // the old value can be read, so undo needs no escrow
	Removable   bool             // a copy that was not there before can be removed again
	Activations []ActivationFact // how consumers of this place can be made to load
	Live        bool             // a write takes effect without activation
	Drain       string           // check kind that must pass before the old version is retired, e.g. queued CI runs
	DrainWith   Settings         // settings that the check gets beside the location's own; may be nil
	MaxBytes    int              // longest value; 0 is no known limit
}

// ActivationFact is one way in which consumers of a location load a new value.
type ActivationFact struct {
	Kind  string // "rolling", "restart", "next_deploy"
	Doc   string
	Waits bool // somebody else makes them load it: pawl looks, and does nothing; the deadline is days by default
}

// CheckFacts are what the plan must know of a check.
type CheckFacts struct {
	Acts       bool // it does something to the system (dispatches, creates and removes)
	Cleans     bool // what it makes is taken away when it is stopped: driver.CheckRequest.Stop
	TakesValue bool // it is run with the value itself, not only against a consumer
	// TakesAccepted: it is also given the version before, which data may still
	// be under.
	TakesAccepted bool
	// Backups names the field with how long backups are kept that need the
	// version before: the rotation waits for that before it ends the version.
	Backups  string
	Within   time.Duration // default deadline
	Observes Observation   // what it watches; "" for a check that asks
}
