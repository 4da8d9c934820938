package estate

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"
)

func policyTable() *table[Policy] {
	return newTable("a policy", "When and how a secret rotates.",
		span("every", "How often it rotates by itself; left out, only on demand.", func(p *Policy) *time.Duration { return &p.Every }).like("90d"),
		custom("window", "When a rotation may start: days, times and a zone. A text or a list.",
			looseSchema(textSchema()).with("examples", []any{"Sun 02:00-06:00 UTC", "Mon-Fri 22:00-05:00 Europe/Berlin"}),
			func(d *decoder, n *yaml.Node, p *Policy) { p.Windows = d.windows(n) }),
		custom("forbid", "Days on which nothing starts: a weekday, a date, or a span of dates.",
			looseSchema(textSchema()).with("examples", []any{[]any{"Fri", "2026-12-20..2027-01-03"}}),
			func(d *decoder, n *yaml.Node, p *Policy) { p.Forbid = d.forbidden(n) }),
		flag("accept_gap", "Accept that consumers fail for a while, where the issuer ends the old version when it mints.", func(p *Policy) *bool { return &p.AcceptGap }),
		choice("on_failure", "What happens when a step has failed for good before the point of no return.", func(p *Policy) *OnFailure { return &p.OnFailure }, UndoOnFailure, HoldOnFailure),
		flag("approve", "A person approves the plan before anything is minted.", func(p *Policy) *bool { return &p.Approve }),
		count("attempts", "Tries of one step before it counts as failed; 5 by default.", 1, 100, func(p *Policy) *int { return &p.Attempts }))
}

func (d *decoder) windows(n *yaml.Node) []Window {
	var list []Window
	for _, item := range items(n) {
		s, ok := d.text(item)
		if !ok {
			continue
		}
		w, known := d.zoned[s]
		if !known {
			var err error
			if w, err = parseWindow(s); err != nil {
				d.fail(item, "write it like Sun 02:00-06:00 UTC or Mon-Fri 22:00-05:00 Europe/Berlin", "expected a window: %v", err)
				continue
			}
			d.zoned[s] = w
		}
		list = append(list, w)
	}
	return list
}

func (d *decoder) forbidden(n *yaml.Node) []Forbidden {
	var list []Forbidden
	for _, item := range items(n) {
		s, ok := d.text(item)
		if !ok {
			continue
		}
		f, err := parseForbidden(s)
		if err != nil {
			d.fail(item, "write Fri, 2026-12-20 or 2026-12-20..2027-01-03", "expected a day or a span of days: %v", err)
			continue
		}
		list = append(list, f)
	}
	return list
}

// policy reads a policy and refuses one under which nothing can ever start.
func (d *decoder) policy(n *yaml.Node, p *Policy) {
	before := len(d.problems)
	o := readObject(d, n, d.forms.policy, p, nil)
	if len(d.problems) == before && p.never() {
		d.fail(o.value("window"), "change window or forbid", "nothing may ever start: every window lies on forbidden days")
	}
}

func retireTable(task *table[Task]) *table[Retire] {
	return newTable("retire", "How the old version ends.",
		choice("mode", "revoke: pawl ends it. expire: the issuer does by itself. person: someone does. keep: it lives on. Follows from the issuer when left out.",
			func(r *Retire) *RetireMode { return &r.Mode }, Revoke, Expire, ByHand, KeepOld),
		span("after", "Soak: the old version lives this long after all checks passed.", func(r *Retire) *time.Duration { return &r.After }).like("1h"),
		span("deactivate", "How long it stays deactivated, and can be enabled again, before it is revoked.", func(r *Retire) *time.Duration { return &r.Deactivate }).like("24h"),
		span("window", "With mode expire: how long the issuer was told to keep the old version, where it lets one choose.", func(r *Retire) *time.Duration { return &r.Window }).like("24h"),
		text("why", "Why it is kept.", func(r *Retire) *string { return &r.Why }),
		flag("approve", "A person approves before the old version ends.", func(r *Retire) *bool { return &r.Approve }),
		custom("task", "What the person does, with mode person.", refSchema("task"), func(d *decoder, n *yaml.Node, r *Retire) {
			t := d.task(n, task)
			r.Task = &t
		}))
}

// checkRetire holds the end of the old version to what the issuer can do.
func (d *decoder) checkRetire(s *draft) {
	o := s.retireKeys
	if o == nil {
		return
	}
	r := &s.Retire
	if r.Mode == KeepOld && r.Why == "" {
		d.fail(o.value("mode"), "add why: the reason", "the old version is kept alive without a reason")
	}
	if r.Window > 0 && r.Mode != Expire {
		d.fail(o.value("window"), "write mode: expire, or after: for a soak", "a window is the issuer's, and the mode is not expire")
	}
	if r.Task != nil && r.Mode != ByHand && r.Mode != NothingR {
		d.fail(o.value("task"), "write mode: person, or remove the task", "a task is for a person, and the mode is %s", r.Mode)
	}
	if !s.issuerKnown() || s.Issuer.Connection == "" {
		return
	}
	facts := s.issuerFacts()
	if r.Mode == Revoke && !facts.Revokes {
		d.fail(o.value("mode"), "write mode: person, expire or keep", "%s cannot revoke", s.issuerName())
	}
	if longest := facts.Window; longest > 0 && r.Window > longest {
		d.fail(o.value("window"), fmt.Sprintf("at most %s", longest), "%s keeps the old version no longer than %s", s.issuerName(), longest)
	}
	if r.Deactivate > 0 && !facts.Deactivates {
		d.fail(o.value("deactivate"), "remove it; after: has the old version live on unchanged", "%s cannot deactivate", s.issuerName())
	}
}

// leak is what a leaked secret changes, while it is read.
type leak struct {
	Compromised
	also []mention
}

func compromisedTable() *table[leak] {
	return newTable("compromised", "What changes when the secret has leaked.",
		choice("contain", "first: end the leaked version at once, consumers fail until they have the new one. last: after the switch, without an outage.",
			func(l *leak) *Contain { return &l.Contain }, ContainFirst, ContainLast),
		text("plan", "The alternative that is used then.", func(l *leak) *string { return &l.Plan }),
		custom("also_leaked", "Secrets that this one protected, and so have leaked with it.", listSchema(textSchema()),
			func(d *decoder, n *yaml.Node, l *leak) { l.also = d.mentionsOf(n) }),
		custom("tasks", "What people must do besides.", listSchema(refSchema("task")),
			func(d *decoder, n *yaml.Node, l *leak) { l.Tasks = d.tasks(n, d.forms.task) }))
}
