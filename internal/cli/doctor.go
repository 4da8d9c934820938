package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

func doctorCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor [CONNECTION ...]",
		Short: "Prove each connection and permission, and the store, without changing anything",
		Example: `  pawl doctor
  pawl doctor fly github`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.doctor(cmd.Context(), args) },
	}
}

type findingDoc struct {
	Subject string `json:"subject"`
	Need    string `json:"need"`
	Has     string `json:"has"` // yes, no, unknown
	Detail  string `json:"detail,omitempty"`
	Next    string `json:"next,omitempty"`
	auth    bool
}

func (a *App) doctor(ctx context.Context, only []string) error {
	e, err := a.estate()
	if err != nil {
		return err
	}
	if err := connected(e, only); err != nil {
		return err
	}
	h, err := a.open(ctx)
	if err != nil {
		return undoctored(err)
	}
	defer h.Close()
	var found []findingDoc
	if len(only) == 0 {
		found = append(found, h.storeHealth(ctx))
	}
	for _, t := range targets(e) {
		if len(only) == 0 || slices.Contains(only, t.connection) {
			found = append(found, h.examine(ctx, t)...)
		}
	}
	err = a.print(map[string]any{"findings": found}, func() error {
		rows := [][]string{{"", "SUBJECT", "NEEDS", "DETAIL"}}
		for _, f := range found {
			rows = append(rows, []string{f.Has, f.Subject, f.Need, strings.TrimSuffix(f.Detail+"; next: "+f.Next, "; next: ")})
		}
		return table(a.Streams.Out, a.Streams.OutTTY, rows)
	})
	if err != nil {
		return err
	}
	return diagnosis(found)
}

// connected refuses a name that no secret uses as a connection: an examination
// of nothing would look like a pass.
func connected(e *estate.Estate, only []string) error {
	used := connections(e)
	for _, name := range only {
		if !slices.Contains(used, name) {
			return &pawl.Error{Code: pawl.CodeInvalid, Op: "examine", On: name, Why: "no secret that rotates uses a connection of this name" + meant("", near(name, used)), Next: "name one of " + strings.Join(used, ", ")}
		}
	}
	return nil
}

// connections lists those that secrets which rotate use.
func connections(e *estate.Estate) []string {
	var used []string
	for _, t := range targets(e) {
		if !slices.Contains(used, t.connection) {
			used = append(used, t.connection)
		}
	}
	return used
}

func diagnosis(found []findingDoc) error {
	bad, auth := 0, false
	for _, f := range found {
		if f.Has == string(driver.No) {
			bad++
			auth = auth || f.auth
		}
	}
	switch {
	case bad == 0:
		return nil
	case auth:
		return &pawl.Error{Code: pawl.CodeUnauthorised, Op: "doctor", Why: fmt.Sprintf("%d of %d needs are not met", bad, len(found)), Next: "mend what the table says, then: pawl doctor"}
	default:
		return &pawl.Error{Code: pawl.CodeFailed, Op: "doctor", Why: fmt.Sprintf("%d of %d needs are not met", bad, len(found)), Next: "mend what the table says, then: pawl doctor"}
	}
}

// undoctored gives an error of the store another hint than to run doctor, which
// has been done.
func undoctored(err error) error {
	hint, code := pawl.HintOf(err), pawl.CodeOf(err)
	if !strings.Contains(hint, "pawl doctor") && (hint != "" || code != pawl.CodeStore && code != pawl.CodeCorrupt) {
		return err
	}
	return &pawl.Error{Code: pawl.CodeOf(err), Op: "doctor", Err: err, Next: "keep a copy of the folder .pawl, mend what the error says or put back your backup; docs/operate/recovery.md says how"}
}

func (h *Home) storeHealth(ctx context.Context) findingDoc {
	f := findingDoc{Subject: "store " + h.App.dir(), Need: "whole, and its evidence chain verifies", Has: string(driver.Yes)}
	if err := h.Store.Check(ctx); err != nil {
		f.Has, f.Detail, f.Next = string(driver.No), err.Error(), pawl.HintOf(undoctored(err))
	}
	return f
}

// examined is one place that doctor asks about.
type examined struct {
	connection string
	pinned     plan.Connection
	target     driver.Target
	title      string
}

// targets lists each connection by itself and each kind of place once.
func targets(e *estate.Estate) []examined {
	var list []examined
	seen := map[string]bool{}
	add := func(u estate.Use) {
		c, ok := e.Connections[u.Connection]
		if u.Connection == "" || u.Connection == estate.Person {
			return
		}
		if !ok {
			c = estate.Connection{Driver: u.Connection}
		}
		title := u.Connection + " " + strings.ReplaceAll(u.Kind, "_", " ")
		for _, field := range u.Facts.Identity {
			if v := u.Settings[field]; v != nil {
				title += fmt.Sprintf(" %v", v)
			}
		}
		if !seen[title] {
			seen[title] = true
			list = append(list, examined{connection: u.Connection, pinned: plan.Connection{Driver: c.Driver, Credential: c.Credential.String(), Settings: c.Settings},
				target: driver.Target{Kind: u.Kind, Settings: u.Settings}, title: title})
		}
	}
	for i := range e.Secrets {
		s := &e.Secrets[i]
		if s.Never != "" {
			continue
		}
		add(s.Issuer)
		for i := range s.Locations {
			for _, u := range reached(&s.Locations[i]) {
				add(u)
			}
		}
		for _, c := range s.Checks {
			add(c.Use)
		}
		if s.Migrate != nil {
			add(*s.Migrate)
		}
	}
	return list
}

// reached lists what a plan reaches because of a location: the place, what must
// have drained there, its readers and its own proofs. What a discovery finds is
// reached when it is written.
func reached(l *estate.Location) []estate.Use {
	uses := []estate.Use{l.Use}
	if l.Discover != nil {
		uses = []estate.Use{l.Discover.Use}
	} else if f := l.Facts.Location; f != nil && f.Drain != "" {
		drain := l.Use
		drain.Kind, drain.Settings = f.Drain, maps.Clone(l.Settings)
		maps.Copy(drain.Settings, f.DrainWith)
		uses = append(uses, drain)
	}
	for _, c := range l.Consumers {
		uses = append(uses, c.Use)
	}
	for _, c := range l.Checks {
		uses = append(uses, c.Use)
	}
	return uses
}

func (h *Home) examine(ctx context.Context, t examined) []findingDoc {
	port, err := h.Connector.Port(ctx, t.connection, t.pinned)
	var grants []driver.Grant
	if err == nil {
		grants, err = port.Probe(ctx, t.target)
	}
	if err != nil {
		d, need := driver.AsError("probe", err), "to be reached"
		if d.Kind == driver.Unauthenticated {
			need = "a credential that is accepted"
		}
		return []findingDoc{{Subject: t.title, Need: need, Has: string(driver.No), Detail: err.Error(), Next: cmp.Or(pawl.HintOf(err), d.Next, "mend the connection "+t.connection+", then: pawl doctor "+t.connection),
			auth: d.Kind == driver.Unauthenticated || d.Kind == driver.Denied || pawl.CodeOf(err) == pawl.CodeUnauthorised}}
	}
	if len(grants) == 0 {
		return []findingDoc{{Subject: t.title, Need: "nothing", Has: string(driver.Yes)}}
	}
	docs := make([]findingDoc, len(grants))
	for i, g := range grants {
		docs[i] = findingDoc{Subject: t.title, Need: g.Need, Has: string(g.Has), Detail: g.Detail, auth: g.Has == driver.No}
		if g.Has == driver.No {
			docs[i].Next = fmt.Sprintf("mend that, or give the connection %s a credential that has it; then: pawl doctor %s", t.connection, t.connection)
		}
	}
	return docs
}
