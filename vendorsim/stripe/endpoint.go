package stripe

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

type endpoint struct {
	id          string
	created     time.Time
	url         string
	events      []string
	apiVersion  string
	description string
	metadata    map[string]string
	disabled    bool
	secrets     []signing // the last one is the current one
}

// signing is a signing secret. Its time is over at until, unless that is zero.
type signing struct {
	value string
	until time.Time
}

// inForce gives the secrets that sign now, the newest first.
func (e *endpoint) inForce(now time.Time) []string {
	var list []string
	for _, s := range slices.Backward(e.secrets) {
		if s.until.IsZero() || now.Before(s.until) {
			list = append(list, s.value)
		}
	}
	return list
}

// listens reports whether an event goes to this endpoint.
func (e *endpoint) listens(kind string) bool {
	return !e.disabled && (slices.Contains(e.events, "*") || slices.Contains(e.events, kind))
}

// view is the object without its secret, which is shown at creation only.
func (e *endpoint) view(live bool) map[string]any {
	status := "enabled"
	if e.disabled {
		status = "disabled"
	}
	return map[string]any{"id": e.id, "object": "webhook_endpoint", "api_version": orNull(e.apiVersion), "application": nil, "created": e.created.Unix(),
		"description": orNull(e.description), "enabled_events": e.events, "livemode": live, "metadata": e.metadata, "status": status, "url": e.url}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func withEndpoint(do func(*Stripe, *route.Call, *endpoint)) func(*Stripe, *route.Call) {
	return func(s *Stripe, c *route.Call) {
		id := c.Arg("webhook_endpoint")
		if e := s.endpoint(id); e != nil {
			do(s, c, e)
			return
		}
		missing(c, "webhook endpoint", id)
	}
}

func (s *Stripe) endpoint(id string) *endpoint {
	i := slices.IndexFunc(s.endpoints, func(e *endpoint) bool { return e.id == id })
	if i < 0 {
		return nil
	}
	return s.endpoints[i]
}

func (s *Stripe) listEndpoints(c *route.Call) {
	all := make([]listed, len(s.endpoints))
	for i, e := range s.endpoints {
		all[i] = listed{e.id, e.view(s.cfg.Live)}
	}
	page(c, all)
}

func (s *Stripe) showEndpoint(c *route.Call, e *endpoint) {
	c.JSON(http.StatusOK, e.view(s.cfg.Live))
}

func (s *Stripe) createEndpoint(c *route.Call) {
	f, ok := read(c, "url", "enabled_events", "api_version", "connect", "description", "metadata")
	if !ok {
		return
	}
	for _, name := range []string{"url", "enabled_events"} {
		if _, given := f.text(name); !given && len(f.list(name)) == 0 {
			wrong(c, name, "parameter_missing", "Missing required param: "+name+".")
			return
		}
	}
	e := &endpoint{id: s.id("we_1"), created: s.now().Truncate(time.Second), metadata: map[string]string{}}
	e.apiVersion, _ = f.text("api_version")
	_, connect := f.truth("connect")
	switch {
	case !connect:
		wrong(c, "connect", "", "Invalid boolean: connect")
		return
	case e.apiVersion != "" && !versions.MatchString(e.apiVersion):
		wrong(c, "api_version", "", "Invalid api_version")
		return
	case !e.set(c, f):
		return
	case len(s.endpoints) >= s.cfg.MaxEndpoints:
		fail(c, http.StatusBadRequest, problem{Message: fmt.Sprintf("You have reached the maximum of %d %s webhook endpoints.", s.cfg.MaxEndpoints, s.mode())})
		return
	}
	s.endpoints = slices.Insert(s.endpoints, 0, e)
	v := e.view(s.cfg.Live)
	v["secret"] = s.newSecret(e)
	c.JSON(http.StatusOK, v)
}

// eventName is the form of an event's type.
var eventName = regexp.MustCompile(`^(\*|[a-z0-9_]+(\.[a-z0-9_]+)+)$`)

// set changes what a call may change at any time, or answers.
func (e *endpoint) set(c *route.Call, f form) bool {
	changed := *e
	if text, ok := f.text("url"); ok {
		if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			wrong(c, "url", "url_invalid", "Invalid URL: An explicit scheme (such as https) must be provided.")
			return false
		}
		changed.url = text
	}
	if events := f.list("enabled_events"); len(events) > 0 {
		if i := slices.IndexFunc(events, func(name string) bool { return !eventName.MatchString(name) }); i >= 0 {
			wrong(c, fmt.Sprintf("enabled_events[%d]", i), "", "Invalid enabled_events: must be the types of events, or '*'")
			return false
		}
		changed.events = events
	}
	if text, ok := f.text("description"); ok {
		changed.description = text
	}
	if !tag(c, e.metadata, f) {
		return false
	}
	*e = changed
	return true
}

func (s *Stripe) updateEndpoint(c *route.Call, e *endpoint) {
	f, ok := read(c, "url", "enabled_events", "disabled", "description", "metadata")
	if !ok {
		return
	}
	disabled, well := f.truth("disabled")
	if !well {
		wrong(c, "disabled", "", "Invalid boolean: disabled")
		return
	}
	if !e.set(c, f) {
		return
	}
	if _, given := f.text("disabled"); given {
		e.disabled = disabled
	}
	c.JSON(http.StatusOK, e.view(s.cfg.Live))
}

func (s *Stripe) deleteEndpoint(c *route.Call, e *endpoint) {
	if _, ok := read(c); !ok {
		return
	}
	s.endpoints = slices.DeleteFunc(s.endpoints, func(o *endpoint) bool { return o == e })
	c.JSON(http.StatusOK, map[string]any{"id": e.id, "object": "webhook_endpoint", "deleted": true})
}

func (s *Stripe) newSecret(e *endpoint) string {
	value := vendorsim.Credential(s.cfg.Rand, "whsec_", 22)
	e.secrets, s.issued = append(e.secrets, signing{value: value}), append(s.issued, value)
	return value
}

// maxOverlap is how long a rolled signing secret signs on at most.
const maxOverlap = 24 * time.Hour

// RollSecret is "Roll secret" in the dashboard: it gives the endpoint a new
// signing secret. The old ones sign on for keep, at most 24 hours; 0 ends them
// at once. It panics where there is no such endpoint and on a time that cannot
// be chosen.
func (s *Stripe) RollSecret(id string, keep time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.endpoint(id)
	if e == nil || keep < 0 || keep > maxOverlap {
		panic("stripe: there is no such endpoint, or the dashboard lets nobody choose " + keep.String())
	}
	until := s.now().Add(keep)
	for i, old := range e.secrets {
		if old.until.IsZero() || old.until.After(until) {
			e.secrets[i].until = until
		}
	}
	return s.newSecret(e)
}
