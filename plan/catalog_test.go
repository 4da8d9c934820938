package plan_test

import (
	"slices"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
)

// catalog is the drivers that pawl ships with and a made-up vendor that has an
// issuer of each kind.
type catalog struct{ driver.Registry }

func drivers() catalog { return catalog{all.Drivers()} }

// Spec finds a driver's spec by name.
func (c catalog) Spec(name string) (estate.Spec, bool) {
	if name == "lab" {
		return labSpec(), true
	}
	return c.Registry.Spec(name)
}

// Drivers lists the names.
func (c catalog) Drivers() []string {
	names := append(c.Registry.Drivers(), "lab")
	slices.Sort(names)
	return names
}

func labSpec() estate.Spec {
	return estate.Spec{Name: "lab", Title: "Lab", Credential: estate.NeedsCredential, Kinds: append(labIssuers(), labPlaces()...)}
}

// labIssuers are issuers of each kind, by what differs from a key of an API.
func labIssuers() []estate.Kind {
	key := estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, Verifies: true, Identifies: true}
	kind := func(name string, change func(*estate.IssuerFacts)) estate.Kind {
		facts := key
		change(&facts)
		return estate.Kind{Role: estate.RoleIssuer, Name: name, Doc: "An issuer.", Issuer: &facts,
			Fields: []estate.Field{{Name: "name", Type: estate.String, Doc: "The credential's name."}}}
	}
	return []estate.Kind{
		kind("key", func(*estate.IssuerFacts) {}),
		kind("slot", func(f *estate.IssuerFacts) {
			f.Named, f.MaxLive, f.Deactivates, f.LastUsed, f.Identifies = false, 2, true, true, false
		}),
		kind("replaced", func(f *estate.IssuerFacts) { f.Overlap, f.Revokes = estate.Replaced, false }),
		kind("replaced_by_hand", func(f *estate.IssuerFacts) {
			f.Mint, f.Overlap, f.Revokes = estate.ByPerson, estate.Replaced, false
		}),
		kind("window", func(f *estate.IssuerFacts) {
			f.Overlap, f.Window, f.Revokes = estate.IssuerWindow, 24*time.Hour, false
		}),
		kind("silent_window", func(f *estate.IssuerFacts) {
			f.Overlap, f.Window, f.Revokes, f.Verifies = estate.IssuerWindow, 24*time.Hour, false, false
		}),
		kind("by_hand", func(f *estate.IssuerFacts) { f.Mint = estate.ByPerson }),
		kind("switchable", func(f *estate.IssuerFacts) { f.Revokes, f.Deactivates = false, true }),
		kind("fixed", func(f *estate.IssuerFacts) { f.Revokes = false }),
		kind("account", func(f *estate.IssuerFacts) { f.Parts = []string{"user", "password"} }),
	}
}

// labPlaces are places of each kind, and checks.
func labPlaces() []estate.Kind {
	name := []estate.Field{{Name: "name", Type: estate.String, Required: true, Doc: "Which one."}}
	reload := []estate.ActivationFact{{Kind: "reload", Doc: "The consumer loads it."}}
	place := func(kind string, facts estate.LocationFacts) estate.Kind {
		return estate.Kind{Role: estate.RoleLocation, Name: kind, Doc: "A place.", Fields: name, Identity: []string{"name"}, Location: &facts}
	}
	check := func(kind string, facts estate.CheckFacts) estate.Kind {
		return estate.Kind{Role: estate.RoleCheck, Name: kind, Doc: "A check.", Fields: name, Identity: []string{"name"}, Check: &facts}
	}
	return []estate.Kind{
		place("place", estate.LocationFacts{Confirm: estate.ByDigest, Removable: true, Activations: reload}),
		place("value", estate.LocationFacts{Confirm: estate.ByValue, Readable: true, Removable: true, Live: true}),
		place("queue", estate.LocationFacts{Confirm: estate.ByTimestamp, Removable: true, Live: true, Drain: "queued_runs"}),
		{Role: estate.RoleActivation, Name: "restart", Doc: "Restarts a consumer.", Fields: name, Identity: []string{"name"}},
		{Role: estate.RoleActivation, Name: "release", Doc: "Waits for a release.", Fields: name, Identity: []string{"name"}, Waits: true},
		check("queued_runs", estate.CheckFacts{Within: 7 * 24 * time.Hour}),
		check("health", estate.CheckFacts{Within: 10 * time.Minute}),
		check("pause", estate.CheckFacts{}),
		check("unpause", estate.CheckFacts{Within: 20 * time.Minute}),
		check("sweep", estate.CheckFacts{Acts: true}),
		{Role: estate.RoleCheck, Name: "rewrite", Doc: "Rewrites data.", Identity: []string{"name"}, Check: &estate.CheckFacts{Acts: true, TakesValue: true, TakesAccepted: true, Backups: "backups"},
			Fields: append([]estate.Field{{Name: "backups", Type: estate.Duration, Required: true, Doc: "How long backups are kept."}}, name...)},
		check("trial", estate.CheckFacts{TakesValue: true, Within: 5 * time.Minute}),
	}
}
