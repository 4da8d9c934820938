package estate

import (
	"slices"
	"strings"
)

// drivers is a catalog with its answers kept: a file asks for the same few
// specs tens of thousands of times.
type drivers struct {
	catalog Catalog
	names   []string
	specs   map[string]*driverSpec
}

// driverSpec is a spec with its kinds by role.
type driverSpec struct {
	Spec
	kinds map[Role][]*Kind
}

func newDrivers(c Catalog) *drivers {
	return &drivers{catalog: c, names: c.Drivers(), specs: map[string]*driverSpec{}}
}

// spec gives a driver's spec, nil if there is no such driver.
func (d *drivers) spec(name string) *driverSpec {
	s, ok := d.specs[name]
	if ok {
		return s
	}
	if spec, known := d.catalog.Spec(name); known {
		s = &driverSpec{Spec: spec, kinds: map[Role][]*Kind{}}
		for i := range spec.Kinds {
			k := &spec.Kinds[i]
			s.kinds[k.Role] = append(s.kinds[k.Role], k)
		}
	}
	d.specs[name] = s
	return s
}

// kind finds a kind, or the only one of its role when no name is given.
func (s *driverSpec) kind(r Role, name string) *Kind {
	kinds := s.kinds[r]
	if name == "" && len(kinds) == 1 {
		return kinds[0]
	}
	i := slices.IndexFunc(kinds, func(k *Kind) bool { return k.Name == name })
	if i < 0 {
		return nil
	}
	return kinds[i]
}

func (s *driverSpec) kindNames(r Role) []string {
	var names []string
	for _, k := range s.kinds[r] {
		names = append(names, k.Name)
	}
	return names
}

// serves says what a driver can do, for messages.
func (s *driverSpec) serves() string {
	var parts []string
	for _, r := range []Role{RoleIssuer, RoleLocation, RoleActivation, RoleCheck, RoleDiscovery} {
		if names := s.kindNames(r); len(names) > 0 {
			parts = append(parts, string(r)+" "+oneOf(names))
		}
	}
	if len(parts) == 0 {
		return s.Name + " serves nothing yet"
	}
	return s.Name + " serves " + strings.Join(parts, "; ")
}

// free reports whether a driver can be used without a declared connection.
func (s *driverSpec) free() bool {
	return s.Credential == NoCredential && !slices.ContainsFunc(s.Connection, func(f Field) bool { return f.Required })
}

// withArticle gives "an issuer" or "a location".
func (r Role) withArticle() string {
	if r == RoleIssuer || r == RoleActivation {
		return "an " + string(r)
	}
	return "a " + string(r)
}

// personKind is what a person can be asked to do, as if a driver served it.
func personKind(r Role) *Kind {
	return &Kind{Role: r, Name: Person, Doc: "Something that only a person can do. Pawl asks and waits.", Fields: []Field{
		{Name: "title", Type: String, Required: r != RoleIssuer, Doc: "What to do, in a line.", Example: "Create a key in the vendor's console"},
		{Name: "do", Type: String, Doc: "How to do it, with the exact command where there is one. May use {{.Name}}, {{.Secret}}, {{.Date}}, {{.Version}}."},
		{Name: "url", Type: String, Doc: "Where to do it."},
		{Name: "who", Type: String, Doc: "Who can do it."},
		{Name: "within", Type: Duration, Doc: "Deadline, shown and alarmed.", Example: "24h"},
		{Name: "contacts", Type: List, Doc: "Whom to ask: names of contacts."},
		{Name: "links", Type: List, Doc: "Where to read more."},
		{Name: "blast_radius", Type: String, Doc: "What doing it does to others even when it goes well."},
	}}
}
