package plan

import (
	"cmp"
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
			b.add(Step{Act: ActQuota, Secret: s.Secret, Place: s.Issuer, Title: fmt.Sprintf("room for one more credential at %s", Title(s.s.Issuer))})
		}
		b.checks(s, estate.Before, "")
	}
	b.next()
	for _, s := range b.subjects {
		if !s.known.Held || !s.known.Identified && s.Facts.Identifies && !s.elsewhere {
			title := "learn the current value and its credential, where they can be read"
			if s.Shape == ShapeSet {
				title = "learn the current value, where it can be read"
			}
			b.add(Step{Act: ActLearn, Secret: s.Secret, Place: s.Issuer, Title: title})
		}
	}
	b.next()
	for _, s := range b.subjects { // where minting settles the fate of the old version, this is the last moment to ask
		if !b.compromised() {
			b.shadows(s, s.irreversible())
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
	uses := make([]*estate.Use, 1, 1+len(s.s.Locations)+len(s.s.Checks))
	uses[0] = &s.s.Issuer
	for i := range s.s.Locations {
		l := &s.s.Locations[i]
		if l.Discover != nil { // what it finds is reached when it is written
			uses = append(uses, &l.Discover.Use)
		} else {
			uses = append(uses, &l.Use)
		}
		for j := range l.Consumers {
			uses = append(uses, &l.Consumers[j].Use)
		}
		for j := range l.Checks {
			uses = append(uses, &l.Checks[j].Use)
		}
	}
	for i := range s.s.Checks {
		uses = append(uses, &s.s.Checks[i].Use)
	}
	if s.s.Migrate != nil { // what cannot be rewritten must show before anything is written under the new version
		uses = append(uses, s.s.Migrate)
	}
	for i := range b.pauses {
		if q := &b.pauses[i]; q.s == s {
			uses = append(uses, &q.p.Stop, &q.p.Start)
		}
	}
	if s.s.Issuer.ByHand { // the connection has no rights there that could be tried
		uses = uses[1:]
	}
	b.reach(s, uses)
}

// reach adds a probe of each place that was not reached before.
func (b *builder) reach(s *subject, uses []*estate.Use) {
	for _, u := range uses {
		p, title := b.place(*u), Title(*u)
		if p.Kind == "" || slices.Contains(s.reached, title) {
			continue
		}
		s.reached = append(s.reached, title)
		b.add(Step{Act: ActProbe, Secret: s.Secret, Place: p, Title: "reach " + title})
	}
}

// mint makes the new versions, one after the other, asks the issuers whether
// they accept them, and tries them before anybody else has them.
func (b *builder) mint() {
	b.enter(pawl.Mint)
	for _, s := range b.subjects {
		b.next()
		if s.Facts.Mint == estate.ByPerson {
			b.minted(s, b.task(s, ActProvide, b.mintTask(s)))
		} else {
			b.minted(s, b.add(Step{Act: ActMint, Secret: s.Secret, Place: s.Issuer, Acts: true, Title: fmt.Sprintf("mint version %d at %s", s.To, Title(s.s.Issuer))}))
		}
	}
	b.next()
	for _, s := range b.subjects {
		if s.Facts.Verifies {
			b.add(Step{Act: ActAccepted, Secret: s.Secret, Place: s.Issuer, Within: AcceptWithin, Title: "the issuer accepts the new value"})
		}
	}
	b.next()
	for _, s := range b.subjects {
		b.checks(s, estate.Minted, "")
	}
	b.leave()
}

// minted notes what a mint means for the way back: a leaked value is never
// brought back, and some issuers end the old version because of it.
func (b *builder) minted(s *subject, id string) {
	if b.compromised() || s.irreversible() {
		b.final(id)
	}
	if s.Facts.Overlap == estate.Replaced && s.dies == "" {
		s.dies = id
	}
}

// widen lets verifiers accept the old and the new version. When the old one
// has leaked and is to be contained first, they get the new one alone.
func (b *builder) widen() {
	b.enter(pawl.Widen)
	for _, s := range b.subjects {
		if !s.holds(estate.Accepts) {
			continue
		}
		content := ContentNew
		if !b.containsFirst(s) {
			content = ContentBoth
			b.needsOld(s, "verifiers must hold the old value beside the new one")
		}
		b.write(s, s.locations(estate.Accepts), content)
	}
	b.rediscover(pawl.Widen)
	b.leave()
}

// needsOld refuses a plan that cannot do without the old value when nothing can
// tell what it is. why says what it is for.
func (b *builder) needsOld(s *subject, why string) {
	if s.known.Held || slices.ContainsFunc(s.s.Locations, readable) || b.err != nil {
		return
	}
	b.err = &pawl.Error{Code: pawl.CodeInvalid, Op: "plan", On: string(s.Secret),
		Why:  why + ", and pawl does not know the old one",
		Next: fmt.Sprintf("pawl provide %s --current", s.Secret)}
}

// readable reports whether a location gives back the value as it is.
func readable(l estate.Location) bool {
	f := l.Facts.Location
	return f != nil && l.Discover == nil && f.Readable && l.Render == "" && !has(&l, estate.Accepts)
}

// change gives consumers the new version.
func (b *builder) change() {
	b.enter(pawl.Switch)
	for _, s := range b.subjects {
		locations := s.locations(estate.Presents)
		if s.Shape == ShapeReplaced || slices.ContainsFunc(locations, func(l estate.Location) bool { return single(&l) }) { // consumers fail until they have it: all at once
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
// next, then lets them settle, has their consumers load and proves them. It
// gives the ids of the puts.
func (b *builder) together(s *subject, locations []estate.Location, content Content) []string {
	b.next()
	var puts []string
	of := make([]string, len(locations))
	for i, l := range locations {
		switch {
		case l.Discover != nil:
			of[i] = b.discover(s, l, content, "")
		case l.Connection == estate.Person:
			of[i] = b.writeByHand(s, l, content)
		default:
			of[i] = b.add(b.put(s, l, content))
			puts = append(puts, of[i])
		}
		b.written(s, of[i])
		if single(&l) && s.dies == "" {
			s.dies, s.slot = of[i], Title(l.Use)
		}
	}
	b.next()
	var settle time.Duration
	for i, l := range locations {
		settle = max(settle, l.Settle)
		if l.Activate != "" && l.Discover == nil {
			b.written(s, b.add(b.activation(s, l, of[i])))
		}
	}
	if settle > 0 {
		b.next()
		b.add(Step{Act: ActWait, Secret: s.Secret, Wait: settle, Title: "let it settle"})
	}
	b.follow(s, locations, of)
	return puts
}

// written notes a step that gives consumers the new version. Where data is
// encrypted under it, the first write is past the point of no return: undoing
// would throw away the key of whatever was written since.
func (b *builder) written(s *subject, id string) {
	if b.phase == pawl.Narrow {
		return
	}
	s.loaded = id
	if s.s.Migrate != nil && (b.phase == pawl.Switch || !s.holds(estate.Presents)) {
		b.final(id)
	}
}

// writeByHand asks a person to write a location.
func (b *builder) writeByHand(s *subject, l estate.Location, content Content) string {
	task := b.fill(s, *l.Task)
	switch {
	case has(&l, estate.Accepts) && content == ContentBoth:
		task.Title += " (the old and the new value)"
	case has(&l, estate.Accepts):
		task.Title += " (the new value alone)"
	}
	return b.add(Step{Act: ActTask, Secret: s.Secret, Place: s.Issuer, Task: task, Title: task.Title, Content: content, Acts: true})
}

func (b *builder) put(s *subject, l estate.Location, content Content) Step {
	f := l.Facts.Location
	return Step{Act: ActPut, Secret: s.Secret, Place: b.place(l.Use), Content: content, Accepts: has(&l, estate.Accepts), Render: l.Render,
		Confirm: f.Confirm, Removes: f.Removable, Attempts: s.s.Policy.Attempts, Acts: true,
		Title: fmt.Sprintf("write %s to %s", content, Title(l.Use))}
}

// activation makes the consumers of a place load what was put. Where somebody
// else makes them, it only looks, and may take days.
func (b *builder) activation(s *subject, l estate.Location, of string) Step {
	waits := slices.ContainsFunc(l.Facts.Location.Activations, func(a estate.ActivationFact) bool { return a.Kind == l.Activate && a.Waits })
	kind, within := l.Activate, cmp.Or(l.ActivateWithin, activateWithin(waits))
	if s.dies != "" && l.ActivateGap != "" {
		kind, within, waits = l.ActivateGap, min(within, ActivateWithin), false // pawl does it, and so it takes no days
	}
	return Step{Act: ActActivate, Secret: s.Secret, Place: b.place(l.Use), Activate: kind, Undo: l.ActivateUndo, Of: of, Within: within,
		Attempts: s.s.Policy.Attempts, Acts: !waits, Title: fmt.Sprintf("%s: consumers of %s load it", spoken(kind), Title(l.Use))}
}

// spoken is an activation's kind in words.
func spoken(kind string) string { return strings.ReplaceAll(kind, "_", " ") }

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
			if m.Facts.Check != nil && m.Facts.Check.TakesAccepted {
				b.needsOld(s, "data is opened with the old value to be written under the new one")
			}
			b.add(Step{Act: ActCheck, Secret: s.Secret, Place: b.place(*m), Within: MigrateWithin, Acts: true, Title: "rewrite data: " + Title(*m)})
		}
	}
	b.leave()
}
