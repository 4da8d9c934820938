package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// preflight proves that everything is reachable and works now. Nothing is
// changed, so nothing needs to be undone if it fails.
func (b *builder) preflight() {
	b.enter(pawl.Preflight)
	for _, s := range b.subjects {
		b.probes(s)
		if s.Facts.MaxLive > 0 && s.Facts.Lists && s.Facts.Overlap != estate.Replaced {
			b.add(Step{Act: ActQuota, Secret: s.Secret, Place: s.Issuer, Title: fmt.Sprintf("room for one more credential at %s", b.title(s.s.Issuer))})
		}
		b.checks(s, estate.Before, "")
	}
	b.next()
	for _, s := range b.subjects {
		if !s.known.Held || !s.known.Identified && s.Facts.Identifies {
			b.add(Step{Act: ActLearn, Secret: s.Secret, Place: s.Issuer, Title: "learn the current value and its credential, where they can be read"})
		}
	}
	b.next()
	for _, s := range b.subjects {
		if s.s.Policy.Approve || b.environment(s).Approve {
			b.add(Step{Act: ActApprove, Secret: s.Secret, Title: fmt.Sprintf("approve the rotation of %s", s.Secret)})
		}
	}
	b.leave()
}

// probes asks once for each place that the plan touches.
func (b *builder) probes(s *subject) {
	uses := []estate.Use{s.s.Issuer}
	for _, l := range s.s.Locations {
		uses = append(uses, l.Use)
	}
	for _, c := range s.s.Checks {
		uses = append(uses, c.Use)
	}
	seen := map[string]bool{}
	for _, u := range uses {
		p, title := b.place(u), b.title(u)
		if p.Kind == "" || seen[title] {
			continue
		}
		seen[title] = true
		b.add(Step{Act: ActProbe, Secret: s.Secret, Place: p, Title: "reach " + title})
	}
}

// contain disables a leaked version at once, where the estate says so.
func (b *builder) contain() {
	if !b.compromised() {
		return
	}
	b.enter(pawl.Contain)
	for _, s := range b.subjects {
		if s.s.Compromised.Contain != estate.ContainFirst {
			continue
		}
		b.name(s)
		b.next()
		switch {
		case s.Facts.Deactivates:
			b.end(s, ActDeactivate)
		case s.Facts.Revokes:
			b.end(s, ActRevoke)
		default:
			b.byHand(s)
		}
	}
	for _, s := range b.subjects {
		for _, t := range s.s.Compromised.Tasks {
			b.next()
			b.task(s, ActTask, t)
		}
	}
	b.leave()
}

func (b *builder) mint() {
	b.enter(pawl.Mint)
	for _, s := range b.subjects {
		b.next()
		if s.Facts.Mint == estate.ByPerson {
			t := s.mintTask()
			b.task(s, ActProvide, t)
		} else {
			b.add(Step{Act: ActMint, Secret: s.Secret, Place: s.Issuer, Acts: true, Title: fmt.Sprintf("mint version %d at %s", s.To, b.title(s.s.Issuer))})
		}
	}
	b.next()
	for _, s := range b.subjects {
		if s.Facts.Verifies {
			b.add(Step{Act: ActAccepted, Secret: s.Secret, Place: s.Issuer, Within: AcceptWithin, Title: "the issuer accepts the new value"})
		}
	}
	b.leave()
}

// widen lets verifiers accept the old and the new version. When the old one
// has leaked and is to be contained first, they get the new one alone.
func (b *builder) widen() {
	b.enter(pawl.Widen)
	for _, s := range b.subjects {
		content := ContentBoth
		if b.compromised() && s.s.Compromised.Contain == estate.ContainFirst {
			content = ContentNew
		}
		if content == ContentBoth && len(s.accepting()) > 0 {
			b.needsOld(s)
		}
		b.write(s, s.accepting(), content)
	}
	b.leave()
}

// needsOld refuses a plan that must write the old value when nothing can
// tell what it is.
func (b *builder) needsOld(s *subject) {
	if s.known.Held || slices.ContainsFunc(s.s.Locations, readable) || b.err != nil {
		return
	}
	b.err = &pawl.Error{Code: pawl.CodeInvalid, Op: "plan", On: string(s.Secret),
		Why:  "verifiers must hold the old value beside the new one, and pawl does not know the old one",
		Next: fmt.Sprintf("pawl provide %s --current", s.Secret)}
}

// readable reports whether a location gives back the value as it is.
func readable(l estate.Location) bool {
	f := l.Facts.Location
	return f != nil && f.Readable && l.Render == "" && l.Role != estate.Accepts
}

// change gives consumers the new version.
func (b *builder) change() {
	b.enter(pawl.Switch)
	for _, s := range b.subjects {
		locations := s.presenting()
		if s.Shape == ShapeReplaced { // consumers fail until they have it: all at once
			locations = slices.Clone(locations)
			for i := range locations {
				locations[i].Parallel = "gap"
			}
		}
		s.puts = b.write(s, locations, ContentNew)
	}
	b.leave()
}

// write puts a content at locations in order, neighbours with the same
// parallel label side by side, and gives the ids of the puts.
func (b *builder) write(s *subject, locations []estate.Location, content Content) []string {
	var ids []string
	for i := 0; i < len(locations); {
		j := i + 1
		for j < len(locations) && locations[i].Parallel != "" && locations[j].Parallel == locations[i].Parallel {
			j++
		}
		ids = append(ids, b.together(s, locations[i:j], content)...)
		i = j
	}
	return ids
}

// together writes some locations in one stage, then activates them in the
// next, then lets them settle.
func (b *builder) together(s *subject, locations []estate.Location, content Content) []string {
	b.next()
	ids := make([]string, len(locations))
	for i, l := range locations {
		if l.Connection == estate.Person {
			b.task(s, ActTask, *l.Task)
			continue
		}
		ids[i] = b.add(b.put(s, l, content))
	}
	b.next()
	var settle time.Duration
	for i, l := range locations {
		settle = max(settle, l.Settle)
		if l.Activate != "" {
			b.add(b.activation(s, l, ids[i]))
		}
	}
	if settle > 0 {
		b.next()
		b.add(Step{Act: ActWait, Secret: s.Secret, Wait: settle, Title: "let it settle"})
	}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

func (b *builder) put(s *subject, l estate.Location, content Content) Step {
	f := l.Facts.Location
	return Step{Act: ActPut, Secret: s.Secret, Place: b.place(l.Use), Content: content, Accepts: l.Role == estate.Accepts, Render: l.Render,
		Confirm: f.Confirm, Removes: f.Removable, Attempts: s.s.Policy.Attempts, Acts: true,
		Title: fmt.Sprintf("write %s to %s", content, b.title(l.Use))}
}

func (b *builder) activation(s *subject, l estate.Location, of string) Step {
	return Step{Act: ActActivate, Secret: s.Secret, Place: b.place(l.Use), Activate: l.Activate, Of: of, Within: ActivateWithin,
		Attempts: s.s.Policy.Attempts, Acts: true, Title: fmt.Sprintf("%s: consumers of %s load it", strings.ReplaceAll(l.Activate, "_", " "), b.title(l.Use))}
}

// prove runs the checks with the new version and lets it soak.
func (b *builder) prove() {
	b.enter(pawl.Prove)
	var soak time.Duration
	for _, s := range b.subjects {
		b.checks(s, estate.After, "")
		soak = max(soak, s.s.Retire.After)
	}
	b.leave()
	if soak > 0 && !b.compromised() {
		b.next()
		b.add(Step{Act: ActWait, Secret: b.subjects[0].Secret, Wait: soak, Title: "soak: the old version stays alive"})
	}
}

// migrate has data rewritten until none of the old is left.
func (b *builder) migrate() {
	b.enter(pawl.Migrate)
	for _, s := range b.subjects {
		if m := s.s.Migrate; m != nil {
			b.add(Step{Act: ActCheck, Secret: s.Secret, Place: b.place(*m), Within: 30 * 24 * time.Hour, Acts: true, Title: "rewrite data: " + b.title(*m)})
		}
	}
	b.leave()
}

// narrow leaves verifiers with the new version alone. What was issued under
// the old one must have run out first.
func (b *builder) narrow() {
	b.enter(pawl.Narrow)
	for _, s := range b.subjects {
		if len(s.accepting()) == 0 || b.compromised() && s.s.Compromised.Contain == estate.ContainFirst {
			continue
		}
		b.next()
		b.overlap(s)
		b.next()
		b.drain(s)
		b.write(s, s.accepting(), ContentNew)
	}
	b.leave()
}

func (b *builder) overlap(s *subject) {
	if s.s.Overlap > 0 && !b.compromised() {
		b.add(Step{Act: ActWait, Secret: s.Secret, Wait: s.s.Overlap, Title: "overlap: what was issued under the old version runs out"})
	}
}

// quiesce makes sure that nothing uses the old version any more.
func (b *builder) quiesce() {
	b.enter(pawl.Quiesce)
	for _, s := range b.subjects {
		if !s.ends() {
			continue
		}
		if len(s.accepting()) == 0 {
			b.next()
			b.overlap(s)
			b.next()
			b.drain(s)
		}
		if !b.compromised() || s.s.Compromised.Contain != estate.ContainFirst {
			b.name(s)
		}
	}
	b.next()
	for _, s := range b.subjects {
		if s.s.Retire.Approve && s.ends() && !b.compromised() {
			b.add(Step{Act: ActApprove, Secret: s.Secret, Title: fmt.Sprintf("approve the end of version %d of %s", s.From, s.Secret)})
		}
	}
	b.leave()
}

// drain adds what must have passed before an old version may end.
func (b *builder) drain(s *subject) {
	for _, l := range s.s.Locations {
		if f := l.Facts.Location; f != nil && f.Drain != "" && !b.compromised() {
			p := b.place(l.Use)
			p.Kind = f.Drain
			b.add(Step{Act: ActCheck, Secret: s.Secret, Place: p, Within: 7 * 24 * time.Hour, Of: s.putAt(b.plan, l),
				Title: fmt.Sprintf("%s: nothing started before the write is left at %s", strings.ReplaceAll(f.Drain, "_", " "), b.title(l.Use))})
		}
	}
	b.checks(s, estate.Drain, "")
}

// putAt finds the put of a location, whose time the drain check needs.
func (s *subject) putAt(p *Plan, l estate.Location) string {
	for _, id := range s.puts {
		st, ok := p.Step(id)
		if ok && st.Place.Connection == l.Connection && st.Place.Kind == l.Kind && sameTarget(l, st.Place) {
			return id
		}
	}
	return ""
}

func sameTarget(l estate.Location, p Place) bool {
	for _, field := range l.Facts.Identity {
		if fmt.Sprint(l.Settings[field]) != fmt.Sprint(p.Settings[field]) {
			return false
		}
	}
	return true
}

// ends reports whether the old version must be ended by somebody.
func (s *subject) ends() bool {
	return s.mode == estate.Revoke || s.mode == estate.Expire || s.mode == estate.ByHand
}

// name finds out which credential is the old one, before anything ends it.
func (b *builder) name(s *subject) {
	if s.mode != estate.Revoke && !s.Facts.Deactivates || s.known.Identified || s.Facts.Mint == estate.Locally {
		return
	}
	b.next()
	b.add(Step{Act: ActName, Secret: s.Secret, Place: s.Issuer, Title: fmt.Sprintf("which credential is version %d", s.From)})
}

// retire ends the old version, reversibly first where the issuer can.
func (b *builder) retire() {
	b.enter(pawl.Retire)
	for _, s := range b.subjects {
		contained := b.compromised() && s.s.Compromised.Contain == estate.ContainFirst
		switch s.mode {
		case estate.Revoke:
			b.endInSteps(s, contained)
		case estate.ByHand:
			if !contained {
				b.byHand(s)
			}
		}
	}
	b.leave()
}

func (b *builder) endInSteps(s *subject, contained bool) {
	if contained && !s.Facts.Deactivates { // revoked already
		return
	}
	b.next()
	if grace := s.s.Retire.Deactivate; grace > 0 && s.Facts.Deactivates && !b.compromised() {
		b.end(s, ActDeactivate)
		b.next()
		b.add(Step{Act: ActWait, Secret: s.Secret, Wait: grace, Title: "grace: it can still be enabled again"})
		b.next()
	}
	b.end(s, ActRevoke)
}

func (b *builder) end(s *subject, act Act) {
	b.add(Step{Act: act, Secret: s.Secret, Place: s.Issuer, Acts: true, Title: fmt.Sprintf("%s version %d at %s", act, s.From, b.title(s.s.Issuer))})
}

func (b *builder) byHand(s *subject) {
	t := estate.Task{Title: fmt.Sprintf("end version %d of %s at its issuer", s.From, s.Secret)}
	if s.s.Retire.Task != nil {
		t = *s.s.Retire.Task
	}
	b.next()
	b.task(s, ActTask, t)
}

// confirm proves that the old version is dead and the consumers still work:
// only this shows that the new one is in use.
func (b *builder) confirm() {
	b.enter(pawl.Confirm)
	for _, s := range b.subjects {
		if s.Facts.Verifies && (s.ends() || s.Shape == ShapeReplaced) {
			b.next()
			within := max(RefuseWithin, 5*s.Facts.RevokeLag)
			if s.mode == estate.Expire {
				within = max(within, s.Facts.Window+time.Hour)
			}
			b.add(Step{Act: ActRefused, Secret: s.Secret, Place: s.Issuer, Within: within, Title: fmt.Sprintf("the issuer refuses version %d", s.From)})
		}
	}
	b.next()
	for _, s := range b.subjects {
		b.checks(s, estate.Final, "")
	}
	b.leave()
}

// checks adds a secret's declared checks of one moment to the current stage.
func (b *builder) checks(s *subject, when estate.When, reverses string) {
	for _, c := range s.s.Checks {
		if !slices.Contains(moments(c), when) {
			continue
		}
		if step, ok := b.check(s, c); ok {
			step.Reverses = reverses
			b.add(step)
		}
	}
}

func (b *builder) check(s *subject, c estate.Check) (Step, bool) {
	step := Step{Act: ActCheck, Secret: s.Secret, Place: b.place(c.Use), Within: c.Within, Builtin: c.Builtin}
	if step.Within == 0 {
		step.Within = CheckWithin
		if f := c.Facts.Check; f != nil && f.Within > 0 {
			step.Within = f.Within
		}
	}
	if f := c.Facts.Check; f != nil {
		step.Acts = f.Acts
	}
	switch {
	case c.Connection == estate.Person:
		step.Act, step.Task, step.Title = ActTask, b.fill(s, *c.Task), c.Task.Title
	case c.Builtin == estate.BuiltinAccepted:
		step.Act, step.Place, step.Title = ActAccepted, s.Issuer, "the issuer accepts the value"
	case c.Builtin == estate.BuiltinWrongRefused:
		step.Act, step.Place, step.Title = ActWrong, s.Issuer, "the issuer refuses a made-up value"
	case c.Builtin == estate.BuiltinOldUnused:
		step.Act, step.Place, step.Wait, step.Title = ActUnused, s.Issuer, c.For, fmt.Sprintf("the old version was not used for %s", c.For)
		step.Within = max(step.Within, 30*24*time.Hour)
	case c.Builtin == estate.BuiltinOldRefused:
		return Step{}, false // every plan that can ask ends with this
	default:
		step.Title = "check " + b.title(c.Use)
	}
	return step, true
}

// moments says when a check runs where the estate is silent. A check that
// acts on the system does not run before the rotation.
func moments(c estate.Check) []estate.When {
	switch {
	case len(c.When) > 0:
		return c.When
	case c.Builtin == estate.BuiltinOldUnused:
		return []estate.When{estate.Drain}
	case c.Builtin == estate.BuiltinWrongRefused, c.Connection == estate.Person:
		return []estate.When{estate.After}
	case c.Builtin != "", c.Facts.Check != nil && c.Facts.Check.Acts:
		return []estate.When{estate.After, estate.Final}
	default:
		return []estate.When{estate.Before, estate.After, estate.Final}
	}
}
