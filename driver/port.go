package driver

import (
	"context"
	"fmt"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/secret"
)

// Port is what the rest of pawl calls. It holds a connection and does what
// every driver would otherwise repeat: deadlines, scrubbing of errors, and
// the checks that keep a faulty driver from breaking a promise. A power that
// the driver lacks is an *Error of kind Unsupported. Ports are safe for
// concurrent use.
type Port struct {
	name    string
	info    Info
	conn    Conn
	timeout time.Duration
}

// DefaultTimeout is the longest that one call may take.
const DefaultTimeout = 60 * time.Second

// NewPort makes the port of the connection called name. timeout bounds each
// call; 0 is DefaultTimeout.
func NewPort(name string, info Info, conn Conn, timeout time.Duration) *Port {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return &Port{name: name, info: info, conn: conn, timeout: timeout}
}

// Name gives the connection's name.
func (p *Port) Name() string { return p.name }

// Info gives the driver's declaration.
func (p *Port) Info() Info { return p.info }

// Close ends the connection.
func (p *Port) Close() error { return p.conn.Close() }

// Probe asks what the connection may do; see Conn.
func (p *Port) Probe(ctx context.Context, t Target) ([]Grant, error) {
	return call(ctx, p, "probe", nil, func(ctx context.Context) ([]Grant, error) { return p.conn.Probe(ctx, t) })
}

// Mint makes a credential; see Issuer. A mint that yields no value or an
// empty part is an error with EffectApplied: something was made that cannot
// be used.
func (p *Port) Mint(ctx context.Context, r MintRequest) (Minted, error) {
	i, ok := p.conn.(Issuer)
	if !ok {
		return Minted{}, p.lacks("mint")
	}
	m, err := call(ctx, p, "mint", r.OldValue, func(ctx context.Context) (Minted, error) { return i.Mint(ctx, r) })
	if err != nil {
		return Minted{}, err
	}
	if empty(m.Value) {
		return Minted{}, &Error{Op: "mint", On: p.name, Kind: Malformed, Effect: pawl.EffectApplied, Why: "the issuer answered without a value"}
	}
	return m, nil
}

// List gives the issuer's credentials; see Issuer.
func (p *Port) List(ctx context.Context, t Target) ([]Credential, error) {
	i, ok := p.conn.(Issuer)
	if !ok {
		return nil, p.lacks("list credentials")
	}
	return call(ctx, p, "list credentials", nil, func(ctx context.Context) ([]Credential, error) { return i.List(ctx, t) })
}

// Revoke ends a credential; see Issuer.
func (p *Port) Revoke(ctx context.Context, t Target, c Credential, value secret.Parts) error {
	i, ok := p.conn.(Issuer)
	if !ok {
		return p.lacks("revoke")
	}
	return act(ctx, p, "revoke", value, func(ctx context.Context) error { return i.Revoke(ctx, t, c, value) })
}

// Deactivate disables a credential; see Deactivator.
func (p *Port) Deactivate(ctx context.Context, t Target, c Credential) error {
	d, ok := p.conn.(Deactivator)
	if !ok {
		return p.lacks("deactivate")
	}
	return act(ctx, p, "deactivate", nil, func(ctx context.Context) error { return d.Deactivate(ctx, t, c) })
}

// Reactivate enables a credential again; see Deactivator.
func (p *Port) Reactivate(ctx context.Context, t Target, c Credential) error {
	d, ok := p.conn.(Deactivator)
	if !ok {
		return p.lacks("reactivate")
	}
	return act(ctx, p, "reactivate", nil, func(ctx context.Context) error { return d.Reactivate(ctx, t, c) })
}

// LastUsed tells when a credential was last used; see UsageTeller.
func (p *Port) LastUsed(ctx context.Context, t Target, c Credential) (time.Time, error) {
	u, ok := p.conn.(UsageTeller)
	if !ok {
		return time.Time{}, p.lacks("tell last use")
	}
	return call(ctx, p, "tell last use", nil, func(ctx context.Context) (time.Time, error) { return u.LastUsed(ctx, t, c) })
}

// Verify asks whether a value is accepted; see Verifier.
func (p *Port) Verify(ctx context.Context, t Target, value secret.Parts) (Verdict, error) {
	v, ok := p.conn.(Verifier)
	if !ok {
		return "", p.lacks("verify a value")
	}
	got, err := call(ctx, p, "verify a value", value, func(ctx context.Context) (Verdict, error) { return v.Verify(ctx, t, value) })
	if err == nil && got != Accepted && got != Refused {
		return "", &Error{Op: "verify a value", On: p.name, Kind: Internal, Effect: pawl.EffectNone, Why: "the driver gave no verdict"}
	}
	return got, err
}

// Identify finds the record of a credential from its value; see Identifier.
func (p *Port) Identify(ctx context.Context, t Target, value secret.Parts) (Credential, error) {
	i, ok := p.conn.(Identifier)
	if !ok {
		return Credential{}, p.lacks("identify a value")
	}
	return call(ctx, p, "identify a value", value, func(ctx context.Context) (Credential, error) { return i.Identify(ctx, t, value) })
}

// Put writes a value; see Location. An empty value is refused here, so that
// no driver can write one.
func (p *Port) Put(ctx context.Context, w Write) (Receipt, error) {
	l, ok := p.conn.(Location)
	if !ok {
		return Receipt{}, p.lacks("put")
	}
	if w.Value.Empty() {
		return Receipt{}, &Error{Op: "put", On: p.name, Kind: Invalid, Effect: pawl.EffectNone, Why: "an empty value is never written"}
	}
	return call(ctx, p, "put", secret.One(w.Value), func(ctx context.Context) (Receipt, error) { return l.Put(ctx, w) })
}

// Stat says what a location holds; see Location.
func (p *Port) Stat(ctx context.Context, t Target) (Receipt, error) {
	l, ok := p.conn.(Location)
	if !ok {
		return Receipt{}, p.lacks("stat")
	}
	return call(ctx, p, "stat", nil, func(ctx context.Context) (Receipt, error) { return l.Stat(ctx, t) })
}

// Read gives back what a location holds; see Reader.
func (p *Port) Read(ctx context.Context, t Target) (secret.Value, bool, error) {
	r, ok := p.conn.(Reader)
	if !ok {
		return secret.Value{}, false, p.lacks("read")
	}
	type read struct {
		v  secret.Value
		ok bool
	}
	got, err := call(ctx, p, "read", nil, func(ctx context.Context) (read, error) {
		v, ok, err := r.Read(ctx, t)
		return read{v, ok}, err
	})
	return got.v, got.ok, err
}

// Remove removes a copy; see Remover.
func (p *Port) Remove(ctx context.Context, t Target) error {
	r, ok := p.conn.(Remover)
	if !ok {
		return p.lacks("remove")
	}
	return act(ctx, p, "remove", nil, func(ctx context.Context) error { return r.Remove(ctx, t) })
}

// Activate makes consumers load; see Activator.
func (p *Port) Activate(ctx context.Context, a Activation) (Progress, error) {
	r, ok := p.conn.(Activator)
	if !ok {
		return Progress{}, p.lacks("activate")
	}
	return call(ctx, p, "activate", nil, func(ctx context.Context) (Progress, error) { return r.Activate(ctx, a) })
}

// Check looks once at a consumer; see Checker. What it tells people is
// scrubbed of the value.
func (p *Port) Check(ctx context.Context, r CheckRequest) (Finding, error) {
	k, ok := p.conn.(Checker)
	if !ok {
		return Finding{}, p.lacks("check")
	}
	f, err := call(ctx, p, "check", r.Value, func(ctx context.Context) (Finding, error) { return k.Check(ctx, r) })
	for _, other := range r.Accepted {
		if e := AsError("check", err); e != nil {
			err = clean(e, other)
		}
		f.Detail, f.Link = scrubber(other).Scrub(f.Detail), scrubber(other).Scrub(f.Link)
	}
	if err == nil && f.State != Passed && f.State != Failed && f.State != Pending {
		return Finding{}, &Error{Op: "check", On: p.name, Kind: Internal, Effect: pawl.EffectNone, Why: "the driver gave no finding"}
	}
	s := scrubber(r.Value)
	f.Detail, f.Link = s.Scrub(f.Detail), s.Scrub(f.Link)
	return f, err
}

// Discover finds targets; see Discoverer.
func (p *Port) Discover(ctx context.Context, t Target) ([]Target, error) {
	d, ok := p.conn.(Discoverer)
	if !ok {
		return nil, p.lacks("discover")
	}
	return call(ctx, p, "discover", nil, func(ctx context.Context) ([]Target, error) { return d.Discover(ctx, t) })
}

func (p *Port) lacks(what string) *Error {
	return &Error{Op: what, On: p.name, Kind: Unsupported, Effect: pawl.EffectNone,
		Why: fmt.Sprintf("the driver %s cannot do this", p.info.Name)}
}

// act is call for methods that give nothing but an error.
func act(ctx context.Context, p *Port, op string, value secret.Parts, f func(context.Context) error) error {
	_, err := call(ctx, p, op, value, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

// call bounds f by the port's timeout and gives its error as a scrubbed
// *Error without the cause's chain: a vendor's error may hold what it was sent.
func call[T any](ctx context.Context, p *Port, op string, value secret.Parts, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	got, err := f(ctx)
	if err == nil {
		return got, nil
	}
	var zero T
	return zero, clean(AsError(op+" "+p.name, err), value)
}

// clean gives a scrubbed copy of an error, in which a driver's silence about
// kind or effect has become the careful answer.
func clean(e *Error, value secret.Parts) *Error {
	s := scrubber(value)
	c := *e
	c.Op, c.On, c.Why, c.Next = s.Scrub(e.Op), s.Scrub(e.On), s.Scrub(e.Why), s.Scrub(e.Next)
	if e.Err != nil {
		c.Err = scrubbed(s.Scrub(e.Err.Error()))
	}
	if c.Kind == "" {
		c.Kind = Internal
	}
	if c.Effect == "" {
		c.Effect = pawl.EffectUnknown
	}
	return &c
}

func scrubber(value secret.Parts) *secret.Scrubber {
	values := make([]secret.Value, 0, len(value))
	for _, v := range value {
		values = append(values, v)
	}
	return secret.NewScrubber(values...)
}

// scrubbed is the text that is left of a cause.
type scrubbed string

func (s scrubbed) Error() string { return string(s) }

func empty(p secret.Parts) bool {
	for _, v := range p {
		if v.Empty() {
			return true
		}
	}
	return len(p) == 0
}
