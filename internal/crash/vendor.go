package crash

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/estate"
)

// vendor is a made-up issuer with places, whose facts can be switched, for
// plan shapes that no vendor at hand has. It answers HTTP without sockets.
type vendor struct {
	clock     *Clock
	facts     estate.IssuerFacts
	creds     []*vendorCred
	places    []*vendorPlace
	minted    int
	lie       string
	admin     string
	seen      []string // every value that ever existed
	refused   []string // values that it was asked about and refused
	strangers []string // ids of credentials that are not ours
	halted    bool     // other automation stands still
	turnover  bool     // once the places were listed, one goes and one comes
}

type vendorCred struct {
	id, name, value string
	inactive        bool
	initial         bool
	foreign         bool
	created         time.Time
}

type vendorPlace struct {
	name     string
	accepts  bool
	reads    string // it holds no copy: its consumer loads that of this place
	override bool   // it wins over the others and belongs to somebody else
	value    string
	loaded   string
	revision int
	updated  time.Time
}

func newVendor(clock *Clock, facts estate.IssuerFacts, places ...*vendorPlace) *vendor {
	v := &vendor{clock: clock, facts: facts, places: places, admin: "admin-canary-5d1c77e0"}
	v.seen = append(v.seen, v.admin)
	return v
}

// mint makes a credential, as a call or a person does.
func (v *vendor) mint(name string) *vendorCred {
	v.minted++
	c := &vendorCred{id: fmt.Sprintf("cred-%d", v.minted), value: fmt.Sprintf("canary%d-%s", v.minted, scramble(v.minted)), created: v.clock.Now()}
	if v.facts.Named {
		c.name = name
	}
	if v.facts.Overlap == estate.Replaced {
		v.creds = slices.DeleteFunc(v.creds, func(old *vendorCred) bool { return !old.foreign })
	}
	v.creds, v.seen = append(v.creds, c), append(v.seen, c.value)
	return c
}

// scramble makes values that contain nothing but themselves.
func scramble(n int) string {
	sum := sha256.Sum256([]byte{byte(n), byte(n >> 8), 77})
	return hex.EncodeToString(sum[:9])
}

// accepted reports whether the issuer lets a value in.
func (v *vendor) accepted(value string) bool {
	return slices.ContainsFunc(v.creds, func(c *vendorCred) bool { return c.value == value && !c.inactive && value != "" })
}

// works reports whether the consumer of a place is served.
func (v *vendor) works(p *vendorPlace) bool {
	lists := false
	for _, q := range v.places {
		if !q.accepts {
			continue
		}
		lists = true
		for _, r := range v.places {
			if !r.accepts && (r == p || p == q) && !slices.Contains(strings.Split(q.loaded, ","), r.loaded) {
				return false
			}
		}
	}
	return lists || v.accepted(p.loaded)
}

func (v *vendor) place(name string) *vendorPlace {
	i := slices.IndexFunc(v.places, func(p *vendorPlace) bool { return p.name == name })
	if i < 0 {
		return nil
	}
	return v.places[i]
}

// RoundTrip answers a request.
func (v *vendor) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	sent(req)
	status, answer := v.answer(req, body)
	b, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return reply(req, status, string(b), nil), nil
}

type object map[string]any

func (v *vendor) answer(req *http.Request, body []byte) (int, any) {
	token := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	if parts[0] == "whoami" {
		for _, c := range v.creds {
			if c.value == token && !c.inactive {
				return 200, object{"id": c.id, "name": c.name}
			}
		}
		v.refused = append(v.refused, token)
		return 401, object{"error": "unknown token"}
	}
	if token != v.admin {
		return 401, object{"error": "unknown token"}
	}
	switch {
	case parts[0] == "credentials" && len(parts) == 1 && req.Method == http.MethodPost:
		return v.postCredential(body)
	case parts[0] == "credentials" && len(parts) == 1:
		return 200, v.listCredentials()
	case parts[0] == "credentials":
		return v.changeCredential(req.Method, parts[1:])
	case parts[0] == "health":
		return 200, object{"ok": !slices.ContainsFunc(v.places, func(p *vendorPlace) bool { return !v.works(p) })}
	case parts[0] == "places" && len(parts) == 1:
		return 200, v.listPlaces()
	case parts[0] == "overrides":
		return 200, v.listOverrides()
	case parts[0] == "places":
		return v.atPlace(req.Method, parts[1:], body)
	case parts[0] == "automation":
		v.halted = parts[1] == "halt"
		return 200, object{}
	}
	return 404, object{"error": "no such thing"}
}

// listPlaces lists the places, of which one has gone and one has come before
// the reader can do anything about it. The newcomer begins with what the place
// that has gone had loaded.
func (v *vendor) listPlaces() []object {
	list := []object{}
	for _, p := range v.places {
		if p.reads == "" {
			list = append(list, object{"name": p.name})
		}
	}
	if v.turnover {
		v.turnover = false
		last := len(v.places) - 1
		for v.places[last].reads != "" {
			last--
		}
		gone := v.places[last]
		v.places[last] = &vendorPlace{name: "newcomer", value: gone.value, loaded: gone.loaded, revision: 1, updated: v.clock.Now()}
	}
	return list
}

func (v *vendor) listOverrides() []object {
	list := []object{}
	for _, p := range v.places {
		if p.override {
			list = append(list, object{"name": p.name})
		}
	}
	return list
}

func (v *vendor) postCredential(body []byte) (int, any) {
	var ask struct{ Name string }
	if json.Unmarshal(body, &ask) != nil {
		return 400, object{"error": "not json"}
	}
	if v.facts.MaxLive > 0 && len(v.creds) >= v.facts.MaxLive && v.facts.Overlap != estate.Replaced {
		return 422, object{"error": "limit exceeded"}
	}
	c := v.mint(ask.Name)
	return 201, object{"id": c.id, "value": c.value}
}

func (v *vendor) listCredentials() []object {
	list := []object{}
	for _, c := range v.creds {
		list = append(list, object{"id": c.id, "name": c.name, "inactive": c.inactive, "created_at": c.created})
	}
	return list
}

func (v *vendor) changeCredential(method string, parts []string) (int, any) {
	i := slices.IndexFunc(v.creds, func(c *vendorCred) bool { return c.id == parts[0] })
	if i < 0 {
		return 404, object{"error": "no such credential"}
	}
	switch {
	case v.lie == string(LieEnd):
	case method == http.MethodDelete:
		v.creds = slices.Delete(v.creds, i, i+1)
	case parts[len(parts)-1] == "deactivate":
		v.creds[i].inactive = true
	case parts[len(parts)-1] == "activate":
		v.creds[i].inactive = false
	}
	return 200, object{}
}

func (v *vendor) atPlace(method string, parts []string, body []byte) (int, any) {
	p := v.place(parts[0])
	if p == nil {
		return 404, object{"error": "no such place"}
	}
	switch {
	case len(parts) == 2 && parts[1] == "reload":
		p.loaded = v.copyOf(p)
	case len(parts) == 2 && parts[1] == "health":
		return v.health(p)
	case method == http.MethodPut:
		v.write(p, string(body))
	case method == http.MethodDelete:
		p.value, p.revision = "", 0
	}
	return 200, object{"exists": p.revision > 0, "revision": p.revision, "digest": digestOf(p), "updated_at": p.updated.Truncate(time.Second)}
}

// copyOf gives what the consumer of a place loads.
func (v *vendor) copyOf(p *vendorPlace) string {
	if p.reads != "" && v.place(p.reads) != nil {
		return v.place(p.reads).value
	}
	return p.value
}

func (v *vendor) health(p *vendorPlace) (int, any) {
	if !v.works(p) {
		return 200, object{"ok": false}
	}
	return 200, object{"ok": true}
}

// write stores a value, or lies about it.
func (v *vendor) write(p *vendorPlace, value string) {
	switch v.lie {
	case string(LieNothing):
		return
	case string(LieEmpty):
		value = ""
	case string(LieShort):
		value = value[:len(value)/2]
	}
	p.value, p.updated = value, v.clock.Now()
	p.revision++
}

func digestOf(p *vendorPlace) string {
	sum := sha256.Sum256([]byte("vendor's own salt " + p.value))
	return hex.EncodeToString(sum[:8])
}

// classify says what a request is to the promises.
func (v *vendor) classify(req *http.Request) Call {
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	c := Call{Kind: Reads, Route: req.Method + " " + parts[0]}
	last := parts[len(parts)-1]
	switch {
	case parts[0] == "credentials" && len(parts) == 1 && req.Method == http.MethodPost:
		c.Kind = Mints
	case parts[0] == "credentials" && len(parts) == 1:
		c.Kind = Lists
	case parts[0] == "credentials" && req.Method == http.MethodDelete:
		c.Kind = Revokes
	case last == "deactivate":
		c.Kind, c.Route = Deactivates, c.Route+" deactivate"
	case parts[0] == "automation":
		c.Kind, c.Route = map[string]CallKind{"halt": Halts, "go_on": Restarts}[last], "automation "+last
	case parts[0] == "places" && last == "reload":
		c.Kind, c.Route = Activates, "reload "+parts[1]
	case parts[0] == "places" && (req.Method == http.MethodPut || req.Method == http.MethodDelete):
		c.Kind, c.Route = Writes, req.Method+" "+parts[1]
	case parts[0] == "places":
		c.Route += " " + strings.Join(parts[1:], " ")
	}
	return c
}

// truth tells what is so.
func (v *vendor) truth() Truth {
	t := Truth{Canary: v.seen, Halted: v.halted, Dead: v.refused, Asked: v.facts.Verifies && v.facts.Mint != estate.Locally}
	for _, c := range v.creds {
		t.Live = append(t.Live, Credential{ID: c.id, Value: c.value, Initial: c.initial, Foreign: c.foreign})
	}
	for _, p := range v.places {
		t.Places = append(t.Places, Place{Name: p.name, Holds: v.copyOf(p), Loaded: p.loaded, Works: v.works(p), Accepts: p.accepts})
	}
	return t
}
