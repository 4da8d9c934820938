package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// judgement collects what exchanges show.
type judgement struct {
	surfaces   []surface
	describers map[string]describer // by surface
	mock       *mock                // nil where there is none
	calls      map[string][]string  // declared, by driver

	total, judged, faulted, mocked int
	undescribed                    map[string]int // exchanges by surface
	found                          map[finding]seenBy
	seen                           map[string]bool // driver + " " + declared call
	asked                          map[string]bool // what stripe-mock was asked
	cut                            map[string]bool // surfaces whose whole description is not there
}

// load makes a judgement of the descriptions in specs, or whole in the cache of
// modules, and the pages in root.
func load(specs, root, modules string, all []surface) (*judgement, error) {
	j := &judgement{surfaces: all, describers: map[string]describer{}, calls: map[string][]string{}, undescribed: map[string]int{},
		found: map[finding]seenBy{}, seen: map[string]bool{}, asked: map[string]bool{}, cut: map[string]bool{}}
	for _, s := range all {
		if s.Driver != "" && j.calls[s.Driver] == nil {
			calls, err := declared(root, s.Driver)
			if err != nil {
				return nil, err
			}
			j.calls[s.Driver] = calls
		}
		if s.Spec == "" {
			continue
		}
		d, err := loadDescription(j.fileOf(s, specs, modules), s.Base)
		if err != nil {
			return nil, err
		}
		j.describers[s.Name] = d
	}
	return j, nil
}

// fileOf gives the description of a surface, and notes one that is cut where
// the whole is not there.
func (j *judgement) fileOf(s surface, specs, modules string) string {
	if s.Whole != "" {
		whole := filepath.Join(modules, filepath.FromSlash(s.Whole))
		if _, err := os.Stat(whole); err == nil {
			return whole
		}
		j.cut[s.Name] = true
	}
	return filepath.Join(specs, filepath.FromSlash(s.Spec))
}

func loadDescription(file, base string) (describer, error) {
	if filepath.Ext(file) == ".graphql" {
		return loadGraphQL(file)
	}
	return loadOpenAPI(file, base)
}

// take judges one exchange.
func (j *judgement) take(ctx context.Context, e exchange) error {
	j.total++
	s := surfaceOf(j.surfaces, e)
	if s == nil {
		return fmt.Errorf("contract: an exchange with %s's %s at %s%s belongs to no surface: add it to surface.go", e.Simulator, e.Handler, e.Host, shape(e.path()))
	}
	if e.Faulted {
		j.faulted++
	}
	d := j.describers[s.Name]
	if d == nil {
		j.undescribed[s.Name]++
		j.sees(s, "", e)
		return nil
	}
	operation, what, err := d.judge(e)
	if err != nil {
		return err
	}
	if j.cut[s.Name] && slices.Contains(what, noSuchCall) {
		j.undescribed[s.Name]++
		return nil
	}
	j.judged++
	j.sees(s, operation, e)
	if s.Simulator == "stripe" && j.mock != nil && e.held() {
		complaint, err := j.askMock(ctx, e)
		if err != nil {
			return err
		}
		if complaint != "" {
			what = append(what, complaint)
		}
	}
	for _, w := range what {
		f := finding{Surface: s.Name, Operation: operation, What: w}
		j.found[f] = j.found[f].and(e)
	}
	return nil
}

// askMock sends each different request once.
func (j *judgement) askMock(ctx context.Context, e exchange) (string, error) {
	key := e.Method + " " + e.URI + "\n" + string(e.Body)
	if j.asked[key] {
		return "", nil
	}
	j.asked[key] = true
	j.mocked++
	return j.mock.judge(ctx, e)
}

// sees notes which declared call a driver's exchange was.
func (j *judgement) sees(s *surface, operation string, e exchange) {
	if e.ByHand {
		return
	}
	for _, call := range j.calls[s.Driver] {
		if makes(call, operation) || makesAt(call, e) {
			j.seen[s.Driver+" "+call] = true
		}
	}
}

// uncovered lists declared calls that no driver made.
func (j *judgement) uncovered() []string {
	var missing []string
	for driver, calls := range j.calls {
		for _, c := range calls {
			if !j.seen[driver+" "+c] {
				missing = append(missing, driver+": "+c)
			}
		}
	}
	slices.Sort(missing)
	return missing
}

// verdict is what is left to say once deviations have explained findings.
type verdict struct {
	used        []deviation
	times       []seenBy // of each used deviation
	unexplained []finding
	stale       []deviation
}

func (j *judgement) verdict(table []deviation) verdict {
	var v verdict
	times := make([]seenBy, len(table))
	for f, n := range j.found {
		explained := false
		for i, d := range table {
			if d.explains(f) {
				times[i] = seenBy{times[i].drivers + n.drivers, times[i].byHand + n.byHand}
				explained = true
			}
		}
		if !explained {
			v.unexplained = append(v.unexplained, f)
		}
	}
	for i, d := range table {
		if times[i] == (seenBy{}) {
			v.stale = append(v.stale, d)
			continue
		}
		v.used, v.times = append(v.used, d), append(v.times, times[i])
	}
	slices.SortFunc(v.unexplained, func(a, b finding) int { return strings.Compare(a.String(), b.String()) })
	return v
}

// report says everything, the numbers last, and reports whether all is well.
func (j *judgement) report(w io.Writer, v verdict) bool {
	for i, d := range v.used {
		fmt.Fprintf(w, "contract: deviation: %s: %s: %s (%s)\n    %s\n    source: %s\n", d.Surface, d.Operation, d.What, v.times[i], d.Because, d.Source)
	}
	none := 0
	for _, s := range j.surfaces {
		if n := j.undescribed[s.Name]; n > 0 {
			none += n
			fmt.Fprintf(w, "contract: no published description: %s exchanges=%d: %s\n", s.Name, n, cmp.Or(s.Undescribed, "the description that is here is cut, and the whole one is not here"))
		}
	}
	missing := j.uncovered()
	for _, m := range missing {
		fmt.Fprintf(w, "contract: declared and never made: %s\n", m)
	}
	for _, d := range v.stale {
		fmt.Fprintf(w, "contract: explained and not seen any more: %s: %s: %s: take it out of deviations.go\n", d.Surface, d.Operation, d.What)
	}
	for _, f := range v.unexplained {
		fmt.Fprintf(w, "contract: UNEXPLAINED: %s (%s)\n", f, j.found[f])
	}
	fmt.Fprintf(w, "contract: recorded=%d undescribed=%d faulted=%d stripe-mock=%s uncovered=%d stale=%d\n", j.total, none, j.faulted, j.mockCount(), len(missing), len(v.stale))
	fmt.Fprintf(w, "contract: exchanges=%d deviations=%d unexplained=%d\n", j.judged, len(v.used), len(v.unexplained))
	return len(v.unexplained) == 0 && len(v.stale) == 0 && len(missing) == 0 && j.judged > 0
}

func (j *judgement) mockCount() string {
	if j.mock == nil {
		return "none"
	}
	return fmt.Sprint(j.mocked)
}

// absent lists descriptions that are not there.
func absent(specs string, all []surface) []string {
	var missing []string
	for _, s := range all {
		if s.Spec == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(specs, filepath.FromSlash(s.Spec))); err != nil {
			missing = append(missing, s.Spec)
		}
	}
	return missing
}
