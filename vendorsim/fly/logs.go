package fly

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// logPage is how many lines one answer has at most. Fly publishes no number.
const logPage = 100

// line is one line of an app's log.
type line struct {
	at                      time.Time
	level, message          string
	instance, region, token string
}

// listLogs is flyctl's call, which Fly does not document: without next_token
// the newest lines, with it what came after them. The form of the answer is
// that of fly-go (resource_logs.go). That next_token names the last line, and
// is given back unchanged where there is none, is a guess that flyctl's loop
// (logs/polling.go) bears out.
func listLogs(f *Fly, c *route.Call, a *app) {
	lines, next := a.lines, c.Query("next_token")
	if next != "" {
		i := slices.IndexFunc(lines, func(l line) bool { return l.token == next })
		lines = lines[i+1:] // all of them where the place is not known any more
		lines = lines[:min(len(lines), logPage)]
	} else {
		lines = lines[max(0, len(lines)-logPage):]
	}
	data := []any{}
	for _, l := range lines {
		next = l.token
		data = append(data, map[string]any{"id": l.token, "type": "log", "attributes": map[string]any{
			"timestamp": l.at.Format(time.RFC3339Nano), "level": l.level, "message": l.message, "instance": l.instance, "region": l.region,
			"meta": map[string]any{"instance": l.instance, "region": l.region, "event": map[string]any{"provider": "app"}}}})
	}
	c.JSON(http.StatusOK, map[string]any{"data": data, "meta": map[string]any{"next_token": next}})
}

// AddLogLine has the first machine of an app log a line now.
func (f *Fly) AddLogLine(app, level, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.mustApp(app)
	var m *machine
	if len(a.machines) > 0 {
		m = a.machines[0]
	}
	f.addLine(a, m, level, message)
}

// log has a machine's program log a line.
func (f *Fly) log(m *machine, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addLine(m.app, m, "info", message)
}

// linesKept is how many lines of an app's log are kept: at least the newest
// half of it.
const linesKept = 20_000

func (f *Fly) addLine(a *app, m *machine, level, message string) {
	f.lines++
	l := line{at: f.now(), level: level, message: message, token: strconv.FormatInt(f.now().UnixNano(), 10) + "." + strconv.Itoa(f.lines)}
	if m != nil {
		l.instance, l.region = m.id, m.region
	}
	if len(a.lines) == linesKept {
		a.lines = append(a.lines[:0], a.lines[linesKept/2:]...)
	}
	a.lines = append(a.lines, l)
}
