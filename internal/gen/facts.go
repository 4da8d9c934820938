package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// facts puts what a plan relies on into words.
func facts(k estate.Kind) []string {
	switch {
	case k.Issuer != nil:
		return issuerFacts(*k.Issuer)
	case k.Location != nil:
		return locationFacts(*k.Location)
	case k.Check != nil:
		return checkFacts(*k.Check)
	case k.Role == estate.RoleActivation:
		return []string{"It is a consumer of a location of any driver: pawl has it load after the write, and again when the write is undone." + waits(k.Waits)}
	default:
		return nil
	}
}

func issuerFacts(f estate.IssuerFacts) []string {
	lines := []string{map[estate.Minter]string{
		estate.ByAPI:    "Pawl mints a new version by a call.",
		estate.Locally:  "Pawl makes the new version itself, by the secret's `format`.",
		estate.ByPerson: "A person makes the new version; pawl asks for it and waits.",
	}[f.Mint], overlap(f)}
	if f.MaxLive > 0 {
		lines = append(lines, fmt.Sprintf("At most %d may live at once.", f.MaxLive))
	}
	can, cannot := powers(f)
	if len(can) > 0 {
		lines = append(lines, "Pawl can "+strings.Join(can, ", ")+".")
	}
	if len(cannot) > 0 {
		lines = append(lines, "Pawl cannot "+strings.Join(cannot, ", ")+".")
	}
	if f.Resets {
		lines = append(lines, "The issuer keeps one value: when the answer to a mint is lost, pawl mints again, and nothing is left behind.")
	}
	if f.RevokeLag > 0 {
		lines = append(lines, "A version that was revoked may still be accepted for up to "+span(f.RevokeLag)+".")
	}
	for _, part := range slices.Sorted(maps.Keys(f.Forms)) {
		what := "A value"
		if part != secret.Single {
			what = "The part `" + part + "`"
		}
		lines = append(lines, what+" "+f.Forms[part].Looks+". What a person gives is refused if it does not; a `pattern` in the secret's `format` takes the place of this rule.")
	}
	if len(f.Parts) > 0 {
		lines = append(lines, "A version has the parts `"+strings.Join(f.Parts, "`, `")+"`.")
	}
	return lines
}

func overlap(f estate.IssuerFacts) string {
	switch f.Overlap {
	case estate.SideBySide:
		return "Old and new live side by side until the old one is retired."
	case estate.IssuerWindow:
		return "Old and new live side by side until the issuer ends the old one by itself, after at most " + span(f.Window) + "."
	default:
		return "The old version ends when the new one is minted. There is a gap until every place has the new one; the estate must say `accept_gap`."
	}
}

// powers lists what pawl can ask of an issuer, and what it cannot.
func powers(f estate.IssuerFacts) (can, cannot []string) {
	name := "name versions"
	if f.Mint == estate.ByPerson {
		name = "propose the name of a version"
	}
	for _, p := range []struct {
		has  bool
		what string
	}{
		{f.Named, name},
		{f.Lists, "list those that live"},
		{f.Revokes, "revoke one"},
		{f.Deactivates, "disable one and enable it again"},
		{f.Verifies, "ask whether a value is accepted"},
		{f.Identifies, "find out which credential a value is"},
		{f.LastUsed, "ask when one was last used"},
	} {
		if p.has {
			can = append(can, p.what)
		} else {
			cannot = append(cannot, p.what)
		}
	}
	return can, cannot
}

func locationFacts(f estate.LocationFacts) []string {
	lines := []string{map[estate.Strength]string{
		estate.ByValue:     "A write is confirmed by reading the value back.",
		estate.ByDigest:    "A write is confirmed by a digest or a revision that moves with the value; the value cannot be read.",
		estate.ByTimestamp: "A write is confirmed by the time of the last write; the value cannot be read.",
		estate.ByNothing:   "The place tells nothing of what it holds: a check must show that a write was taken.",
	}[f.Confirm]}
	if f.Live {
		lines = append(lines, "A write takes effect without an activation.")
	} else {
		lines = append(lines, "A write takes effect only after an activation.")
	}
	for _, a := range f.Activations {
		lines = append(lines, "`activate: "+a.Kind+"`: "+a.Doc+waits(a.Waits))
	}
	if f.Removable {
		lines = append(lines, "A copy that was not there before can be removed again.")
	} else {
		lines = append(lines, "A copy that was not there before cannot be removed again by pawl.")
	}
	if f.Drain != "" {
		lines = append(lines, "Before the old version ends, the check `"+f.Drain+"` must pass.")
	}
	if f.MaxBytes > 0 {
		lines = append(lines, fmt.Sprintf("A value may have %d bytes.", f.MaxBytes))
	}
	return lines
}

// waits says how long pawl waits for what somebody else does.
func waits(others bool) string {
	if !others {
		return ""
	}
	return fmt.Sprintf(" It is waited for %s, unless the estate gives it a `within`; no process has to run meanwhile.", plan.Span(plan.DeployWithin))
}

func checkFacts(f estate.CheckFacts) []string {
	lines := []string{"It changes nothing, and so it also runs before anything is minted."}
	if f.Acts {
		lines[0] = "It does something to the system, so it does not run before the switch unless the estate says so."
	}
	switch {
	case f.TakesAccepted:
		lines = append(lines, "It is given the value itself, and the version before.")
	case f.TakesValue:
		lines = append(lines, "It is given the value itself.")
	}
	if f.Within > 0 {
		lines = append(lines, "It must pass within "+span(f.Within)+", unless the estate says otherwise.")
	}
	return lines
}

// span writes a duration as the estate does.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d >= unit.of && d%unit.of == 0 {
			return fmt.Sprintf("%d%s", d/unit.of, unit.name)
		}
	}
	return d.String()
}

// show writes a default.
func show(v any) string {
	if d, ok := v.(time.Duration); ok {
		return span(d)
	}
	if list, ok := v.([]string); ok {
		return "[" + strings.Join(list, ", ") + "]"
	}
	return fmt.Sprint(v)
}
