package drivertest

import (
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

var (
	wordForm  = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	sinceForm = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
)

// honest holds that Info is complete, and that the connection can do what it
// says and nothing else.
func (s *suite) honest(t *testing.T) {
	i := s.info
	typ := reflect.TypeOf(s.driver)
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if folder := path.Base(typ.PkgPath()); i.Name != folder {
		t.Errorf("the driver is called %q, its folder %q", i.Name, folder)
	}
	if i.Title == "" || !sinceForm.MatchString(i.Since) || i.Notes == "" || len(i.Kinds) == 0 {
		t.Error("Info lacks a title, Since as 0.1, notes or kinds")
	}
	if i.Credential == estate.NeedsCredential && !strings.HasPrefix(i.APIDocs, "https://") {
		t.Error("Info does not say where the vendor documents the calls")
	}
	if !slices.Contains([]estate.Credential{estate.NoCredential, estate.OptionalCredential, estate.NeedsCredential}, i.Credential) {
		t.Errorf("Info does not say whether a credential is needed: %q", i.Credential)
	}
	for _, c := range i.Calls {
		if c.Method == "" || c.Path == "" || c.Permission == "" || c.For == "" {
			t.Errorf("the call %s %s lacks its permission or what it is for", c.Method, c.Path)
		}
	}
	fields(t, "the connection", i.Connection)
	for _, k := range i.Kinds {
		kind(t, k)
	}
	if !reflect.DeepEqual(i, s.driver.Info()) {
		t.Error("Info is different when it is asked for again")
	}
	s.powers(t)
}

func kind(t *testing.T, k estate.Kind) {
	name := string(k.Role) + " " + k.Name
	if !wordForm.MatchString(k.Name) || k.Doc == "" {
		t.Errorf("%s: the name is not a word, or the kind is not documented", name)
	}
	if (k.Issuer != nil) != (k.Role == estate.RoleIssuer) || (k.Location != nil) != (k.Role == estate.RoleLocation) || (k.Check != nil) != (k.Role == estate.RoleCheck) {
		t.Errorf("%s: the facts are not those of its role", name)
	}
	if k.Issuer != nil && k.Issuer.Resets && (k.Issuer.Overlap != estate.Replaced || k.Issuer.Mint != estate.ByAPI) {
		t.Errorf("%s: an issuer that resets its one value replaces the old version, by a call", name)
	}
	if k.Issuer != nil {
		forms(t, name, *k.Issuer)
	}
	fields(t, name, k.Fields)
	for _, id := range slices.Concat(k.Identity, k.Given, k.Writes) {
		if !slices.ContainsFunc(k.Fields, func(f estate.Field) bool { return f.Name == id }) {
			t.Errorf("%s: the identity, or what a discovery gives or only a write needs, has %q, which is no field", name, id)
		}
	}
	if k.Location != nil {
		if len(k.Identity) == 0 {
			t.Errorf("%s: nothing tells two places apart", name)
		}
		for _, a := range k.Location.Activations {
			if !wordForm.MatchString(a.Kind) || a.Doc == "" {
				t.Errorf("%s: the activation %q is not documented", name, a.Kind)
			}
		}
	}
	if k.Check != nil && k.Check.Within <= 0 {
		t.Errorf("%s: the check has no deadline", name)
	}
}

// forms holds that what is said of values can be told to people and is of a
// part that there is.
func forms(t *testing.T, of string, f estate.IssuerFacts) {
	for part, form := range f.Forms {
		_, err := regexp.Compile(form.Pattern)
		if form.Looks == "" || form.Pattern == "" || err != nil {
			t.Errorf("%s: the form of the part %q lacks a pattern or words for it: %v", of, part, err)
		}
		if !slices.Contains(f.Parts, part) && !(len(f.Parts) == 0 && part == secret.Single) {
			t.Errorf("%s: a form is declared for the part %q, which no mint yields", of, part)
		}
	}
}

func fields(t *testing.T, of string, list []estate.Field) {
	for i, f := range list {
		if !wordForm.MatchString(f.Name) || f.Doc == "" {
			t.Errorf("%s: the field %q is not a word, or is not documented", of, f.Name)
		}
		if f.Required && (f.Default != nil || f.Example == "") {
			t.Errorf("%s: the field %q is required; it needs an example and can have no default", of, f.Name)
		}
		if slices.ContainsFunc(list[:i], func(g estate.Field) bool { return g.Name == f.Name }) {
			t.Errorf("%s: the field %q is there twice", of, f.Name)
		}
		if f.Default != nil && !typed(f.Type, f.Default) {
			t.Errorf("%s: the default of %q is a %T, not a %s", of, f.Name, f.Default, f.Type)
		}
		if text, ok := f.Default.(string); ok && len(f.Enum) > 0 && !slices.Contains(f.Enum, text) {
			t.Errorf("%s: the default of %q is not allowed", of, f.Name)
		}
	}
}

func typed(t estate.FieldType, v any) bool {
	switch v.(type) {
	case string:
		return t == estate.String || t == estate.Template
	case int, int64:
		return t == estate.Integer
	case bool:
		return t == estate.Boolean
	case time.Duration:
		return t == estate.Duration
	case []string:
		return t == estate.List
	case map[string]string:
		return t == estate.Map
	default:
		return false
	}
}

// powers holds that the connection meets exactly the interfaces that its kinds
// promise.
func (s *suite) powers(t *testing.T) {
	conn := s.open(t, trial{}, false).conn
	has := func(want func(estate.Kind) bool) bool { return slices.ContainsFunc(s.info.Kinds, want) }
	issuer := func(fact func(estate.IssuerFacts) bool) bool {
		return has(func(k estate.Kind) bool { return k.Issuer != nil && fact(*k.Issuer) })
	}
	location := func(fact func(estate.LocationFacts) bool) bool {
		return has(func(k estate.Kind) bool { return k.Location != nil && fact(*k.Location) })
	}
	for name, p := range map[string]struct{ met, promised bool }{
		"Issuer":      {is[driver.Issuer](conn), has(func(k estate.Kind) bool { return k.Role == estate.RoleIssuer })},
		"Location":    {is[driver.Location](conn), has(func(k estate.Kind) bool { return k.Role == estate.RoleLocation })},
		"Checker":     {is[driver.Checker](conn), has(func(k estate.Kind) bool { return k.Role == estate.RoleCheck })},
		"Discoverer":  {is[driver.Discoverer](conn), has(func(k estate.Kind) bool { return k.Role == estate.RoleDiscovery })},
		"Verifier":    {is[driver.Verifier](conn), issuer(func(f estate.IssuerFacts) bool { return f.Verifies })},
		"Identifier":  {is[driver.Identifier](conn), issuer(func(f estate.IssuerFacts) bool { return f.Identifies })},
		"Deactivator": {is[driver.Deactivator](conn), issuer(func(f estate.IssuerFacts) bool { return f.Deactivates })},
		"UsageTeller": {is[driver.UsageTeller](conn), issuer(func(f estate.IssuerFacts) bool { return f.LastUsed })},
		"Reader":      {is[driver.Reader](conn), location(func(f estate.LocationFacts) bool { return f.Readable })},
		"Remover":     {is[driver.Remover](conn), location(func(f estate.LocationFacts) bool { return f.Removable })},
		"Activator":   {is[driver.Activator](conn), location(func(f estate.LocationFacts) bool { return len(f.Activations) > 0 }) || has(func(k estate.Kind) bool { return k.Role == estate.RoleActivation })},
	} {
		if p.met != p.promised {
			t.Errorf("driver.%s: the connection meets it: %v; Info promises it: %v", name, p.met, p.promised)
		}
	}
}

func is[T any](conn driver.Conn) bool {
	_, ok := conn.(T)
	return ok
}
