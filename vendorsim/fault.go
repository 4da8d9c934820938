package vendorsim

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// Kind is a way in which a call goes wrong.
type Kind string

// The kinds of faults. The last three are lies that a place tells about a
// write; the stand-in of the vendor does them inside its write.
const (
	Before           Kind = "before"             // the connection is cut before the vendor acts
	AfterLost        Kind = "after_lost"         // the vendor acts, its answer is lost
	Status           Kind = "status"             // the answer is Rule.Code with Rule.Body
	Hang             Kind = "hang"               // no answer until the caller gives up
	Garbage          Kind = "garbage"            // 200 with bytes that are no JSON
	TooMany          Kind = "too_many"           // 429 with Retry-After
	OKStoreNothing   Kind = "ok_store_nothing"   // a write is answered as done and keeps the old value
	OKStoreEmpty     Kind = "ok_store_empty"     // a write is answered as done and stores an empty value
	OKStoreTruncated Kind = "ok_store_truncated" // a write is answered as done and stores the first half
)

// Lie reports whether the kind is one that a place does inside a write.
func (k Kind) Lie() bool {
	return k == OKStoreNothing || k == OKStoreEmpty || k == OKStoreTruncated
}

// cuts reports whether the kind happens between the caller and the vendor.
func (k Kind) cuts() bool { return !k.Lie() }

// Rule says which calls go wrong, and how. Empty fields match everything.
type Rule struct {
	Kind      Kind
	Method    string        // "POST"
	Host      string        // "api.machines.dev"
	Path      string        // "/v1/apps/{app}/secrets", "/v1/apps/*/secrets"; a last "**" is any rest
	Operation string        // the stand-in's label for the call, in any case of letters
	From      int           // the first matching call that goes wrong, counted from 1; 0 is 1
	Count     int           // how many go wrong from there on; 0 is all of them
	Acts      bool          // Status, Hang, Garbage, TooMany: the vendor acts first, its own answer is thrown away
	Code      int           // for Status; 0 is 500
	Body      string        // for Status; must not hold a value
	Wait      time.Duration // for TooMany: Retry-After, in whole seconds; 0 is one second
}

// Faults is a set of rules. The zero value has none. It is safe for
// concurrent use.
type Faults struct {
	mu    sync.Mutex
	rules []*counted
	fired int
}

type counted struct {
	Rule
	seen int
}

// Add puts rules into force, after those that are.
func (f *Faults) Add(rules ...Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range rules {
		f.rules = append(f.rules, &counted{Rule: r})
	}
}

// Clear takes all rules out of force.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// Fired tells how many calls went wrong so far.
func (f *Faults) Fired() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired
}

// Stored gives what a place keeps when it is asked to store sent over old,
// and whether it stores anything at all. Stand-ins call it once for each value
// in a write, with the write's label.
func (f *Faults) Stored(r *http.Request, label, sent string) (kept string, stores bool) {
	rule, hit := f.take(r, label, Kind.Lie)
	switch {
	case !hit:
		return sent, true
	case rule.Kind == OKStoreNothing:
		return "", false
	case rule.Kind == OKStoreEmpty:
		return "", true
	default:
		return sent[:len(sent)/2], true
	}
}

// Wrap puts the faults before h. Labels come from h where it is Labelled.
func (f *Faults) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		label := ""
		if l, ok := h.(Labelled); ok {
			label = l.Operation(r)
		}
		if rule, due := f.take(r, label, Kind.cuts); due {
			rule.serve(w, r, h)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// take counts the call for every rule of the wanted kinds and gives the first
// one whose turn it is.
func (f *Faults) take(r *http.Request, label string, want func(Kind) bool) (Rule, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var due *counted
	for _, c := range f.rules {
		if !want(c.Kind) || !c.matches(r, label) {
			continue
		}
		c.seen++
		if due == nil && c.due() {
			due = c
		}
	}
	if due == nil {
		return Rule{}, false
	}
	f.fired++
	return due.Rule, true
}

func (c *counted) due() bool {
	from := max(c.From, 1)
	return c.seen >= from && (c.Count == 0 || c.seen < from+c.Count)
}

func (c *counted) matches(r *http.Request, label string) bool {
	if c.Method != "" && c.Method != r.Method || c.Host != "" && c.Host != r.Host {
		return false
	}
	if c.Operation != "" && !strings.EqualFold(c.Operation, label) {
		return false
	}
	return c.Path == "" || route.Match(c.Path, r.URL.EscapedPath())
}
