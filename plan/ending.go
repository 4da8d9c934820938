package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// contain disables a leaked version at once, where the estate says so. People
// who contain by hand do so here too; where the leak is contained last, their
// tasks come last (see confirm) and keep nothing waiting.
func (b *builder) contain() {
	if !b.compromised() {
		return
	}
	b.enter(pawl.Contain)
	for _, s := range b.subjects {
		if b.containsFirst(s) {
			b.containOne(s)
			b.leaked(s)
		}
	}
	b.leave()
}

func (b *builder) containOne(s *subject) {
	switch {
	case s.elsewhere && s.mode != estate.NothingR:
		s.ended, s.dies = ActTask, b.byHand(s)
		return
	case s.elsewhere:
		return
	case s.Facts.Deactivates:
		s.ended = ActDeactivate
	case s.Facts.Revokes:
		s.ended = ActRevoke
	case s.mode == estate.NothingR:
		return // nobody can end it: the mint or the switch does
	default:
		s.ended, s.dies = ActTask, b.byHand(s)
		return
	}
	b.name(s)
	b.next()
	s.dies = b.end(s, s.ended)
}

// leaked adds what people must do besides when a secret has leaked.
func (b *builder) leaked(s *subject) {
	for _, t := range s.s.Compromised.Tasks {
		b.next()
		b.task(s, ActTask, t)
	}
}

// narrow leaves verifiers with the new version alone. What was issued under
// the old one must have run out first.
func (b *builder) narrow() {
	b.enter(pawl.Narrow)
	var list []*subject
	for _, s := range b.subjects {
		if s.holds(estate.Accepts) && !b.containsFirst(s) {
			list = append(list, s)
		}
	}
	b.drain(list)
	b.next()
	for _, s := range list {
		if !b.compromised() {
			b.shadows(s, true)
		}
	}
	for _, s := range list {
		b.write(s, s.locations(estate.Accepts), ContentNew)
	}
	b.leave()
}

// quiesce makes sure that nothing uses the old version any more.
func (b *builder) quiesce() {
	b.enter(pawl.Quiesce)
	b.rediscover(pawl.Switch)
	var list []*subject
	for _, s := range b.subjects {
		if s.ends() && !s.holds(estate.Accepts) { // verifiers were drained before they were narrowed
			list = append(list, s)
		}
	}
	b.drain(list)
	for _, s := range b.subjects {
		if s.ended == "" && (s.mode == estate.Revoke || b.grace(s) > 0) {
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
	b.next()
	for _, s := range b.subjects { // last, since people may have taken days
		if !s.holds(estate.Accepts) && !b.compromised() {
			b.shadows(s, s.held())
		}
	}
}

// drain adds what must have passed before old versions may end: overlaps side
// by side, then the proofs that nothing is left. A leak waits for neither:
// whoever has the value could keep it alive by using it.
func (b *builder) drain(list []*subject) {
	if b.compromised() {
		return
	}
	for _, s := range list {
		if slices.ContainsFunc(s.s.Checks, func(c estate.Check) bool { return c.Builtin == estate.BuiltinOldUnused }) {
			b.name(s) // the issuer is asked about a credential by its id
		}
	}
	b.next()
	for _, s := range list {
		if s.s.Overlap > 0 {
			b.add(Step{Act: ActWait, Secret: s.Secret, Wait: s.s.Overlap, Title: "overlap: what was issued under the old version runs out"})
		}
	}
	b.next()
	for _, s := range list {
		b.drained(s)
		b.checks(s, estate.Drain, "")
	}
}

// drained asks each place whether anything that began before the write still
// runs with the old version.
func (b *builder) drained(s *subject) {
	for i := range s.s.Locations {
		l := &s.s.Locations[i]
		f := l.Facts.Location
		if f == nil || f.Drain == "" {
			continue
		}
		if l.Discover != nil {
			b.undiscoverable(s, l)
			continue
		}
		p := b.place(l.Use)
		p.Kind = f.Drain
		if len(f.DrainWith) > 0 {
			p.Settings = p.Settings.With(f.DrainWith)
		}
		b.add(Step{Act: ActCheck, Secret: s.Secret, Place: p, Within: DrainWithin, Of: s.putAt(b.plan, l),
			Title: fmt.Sprintf("%s: nothing started before the write is left at %s", strings.ReplaceAll(f.Drain, "_", " "), Title(l.Use))})
	}
}

// putAt finds the put of a location, whose time the drain check needs.
func (s *subject) putAt(p *Plan, l *estate.Location) string {
	for _, id := range s.puts {
		st, ok := p.Step(id)
		if ok && st.Place.Connection == l.Connection && st.Place.Kind == l.Kind && sameTarget(l, st.Place) {
			return id
		}
	}
	return ""
}

func sameTarget(l *estate.Location, p Place) bool {
	for _, field := range l.Facts.Identity {
		if fmt.Sprint(l.Settings[field]) != fmt.Sprint(p.Settings[field]) {
			return false
		}
	}
	return true
}

// name finds out which credential is the old one, before a call ends it.
func (b *builder) name(s *subject) {
	if s.known.Identified || s.named || s.Facts.Mint == estate.Locally {
		return
	}
	s.named = true
	b.next()
	b.add(Step{Act: ActName, Secret: s.Secret, Place: s.Issuer, Title: fmt.Sprintf("which credential is version %d", s.From)})
}

// retire ends old versions, reversibly first where the issuer can and the
// estate wants it.
func (b *builder) retire() {
	b.enter(pawl.Retire)
	if !b.compromised() {
		b.backups()
	}
	b.disable()
	for _, s := range b.subjects {
		switch {
		case s.mode == estate.Revoke && s.ended != ActRevoke:
			b.next()
			b.end(s, ActRevoke)
		case s.mode == estate.ByHand && s.ended != ActRevoke && s.ended != ActTask:
			b.byHand(s)
		}
	}
	b.leave()
}

// backups waits until nothing that could be restored is under the old version
// any more. Consumers do not accept it meanwhile; pawl holds it. After a leak
// nothing waits for it, so it comes last, and not at all where the issuer has
// ended the version: what is under it then is lost, as the estate wanted.
func (b *builder) backups() {
	b.next()
	for _, s := range b.subjects {
		m := s.s.Migrate
		if m == nil || m.Facts.Check == nil || m.Facts.Check.Backups == "" || b.compromised() && (s.ended != "" || s.ends()) {
			continue
		}
		if kept := m.Settings.Duration(m.Facts.Check.Backups); kept > 0 {
			b.add(Step{Act: ActWait, Secret: s.Secret, Wait: kept, Title: fmt.Sprintf("backups from before are kept for %s, and need version %d", Span(kept), s.From)})
		}
	}
	b.next()
}

// disable deactivates old versions and lets their times of grace run side by
// side.
func (b *builder) disable() {
	for _, s := range b.subjects {
		if b.grace(s) > 0 {
			b.next()
			b.end(s, ActDeactivate)
		}
	}
	b.next()
	for _, s := range b.subjects {
		if grace := b.grace(s); grace > 0 {
			b.add(Step{Act: ActWait, Secret: s.Secret, Wait: grace, Title: fmt.Sprintf("grace: version %d can still be enabled again", s.From)})
		}
	}
}

func (b *builder) end(s *subject, act Act) string {
	return b.final(b.add(Step{Act: act, Secret: s.Secret, Place: s.Issuer, Acts: true, Title: fmt.Sprintf("%s version %d at %s", act, s.From, Title(s.s.Issuer))}))
}

func (b *builder) byHand(s *subject) string {
	t := estate.Task{Title: fmt.Sprintf("end version %d of %s at its issuer", s.From, s.Secret), Do: b.manual(s, s.s.Issuer, "revoke")}
	switch {
	case s.elsewhere && s.endTask != nil:
		t = *s.endTask
	case s.elsewhere:
		t = estate.Task{Title: fmt.Sprintf("end version %d of %s where it was minted: %s", s.From, s.Secret, s.MintedAt), Do: b.manual(s, s.minted, "revoke")}
	case s.s.Retire.Task != nil:
		t = *s.s.Retire.Task
	}
	b.next()
	return b.final(b.task(s, ActTask, t))
}

// confirm proves that the old version is dead and the consumers still work:
// only this shows that the new one is in use.
func (b *builder) confirm() {
	b.enter(pawl.Confirm)
	for _, s := range b.subjects {
		if s.Facts.Verifies && !s.elsewhere && (s.ends() || s.ended != "" || s.Shape == ShapeReplaced) {
			b.next()
			b.refused(s)
		}
	}
	b.next()
	for _, s := range b.subjects {
		b.runsOut(s)
	}
	b.next()
	for _, s := range b.subjects {
		b.checks(s, estate.Final, "")
	}
	for _, s := range b.subjects {
		if b.compromised() && !b.containsFirst(s) {
			b.leaked(s)
		}
	}
	b.next()
	for _, s := range b.subjects { // a leak does not wait for them: whoever reads one is told of when it is closed
		if b.compromised() {
			b.shadows(s, false)
		}
	}
	b.leave()
	if b.compromised() {
		b.backups()
	}
}

// runsOut waits for the end of the issuer's window where the issuer cannot be
// asked whether it is over, so that what is proven after it is proven without
// the old version.
func (b *builder) runsOut(s *subject) {
	if s.mode == estate.Expire && !s.Facts.Verifies && !s.elsewhere && s.Facts.Window > 0 && !b.compromised() {
		b.add(Step{Act: ActWait, Secret: s.Secret, Wait: s.Facts.Window, Title: fmt.Sprintf("the issuer ends version %d by itself", s.From)})
	}
}

// refused waits until the issuer no longer accepts the old version. Where the
// issuer ends it by itself nothing tells when that will be, so watching for
// it is past the point of no return.
func (b *builder) refused(s *subject) {
	within := max(RefuseWithin, 5*s.Facts.RevokeLag)
	if s.mode == estate.Expire {
		within = max(within, s.Facts.Window+time.Hour)
	}
	id := b.add(Step{Act: ActRefused, Secret: s.Secret, Place: s.Issuer, Within: within, Title: fmt.Sprintf("the issuer refuses version %d", s.From)})
	if s.mode == estate.Expire {
		b.final(id)
	}
}
