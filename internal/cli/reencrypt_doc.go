package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/reencrypt"
)

// reencryptDoc is the result of pawl reencrypt.
type reencryptDoc struct {
	Table      string    `json:"table"`
	DryRun     bool      `json:"dry_run,omitempty"`
	Rows       int64     `json:"rows"`
	Values     int64     `json:"values"`
	Conflicts  int64     `json:"conflicts"`
	Unreadable int64     `json:"unreadable"`
	Left       int64     `json:"left"`
	Sweeps     int       `json:"sweeps"`
	Seconds    float64   `json:"seconds"`
	Paused     float64   `json:"paused_seconds"`
	Fence      bool      `json:"fence,omitempty"`
	KeepUntil  time.Time `json:"keep_old_key_until,omitzero"`

	kept time.Duration
}

func newReencryptDoc(table string, dry bool, r reencrypt.Result, at time.Time, kept time.Duration) *reencryptDoc {
	d := &reencryptDoc{Table: table, DryRun: dry, Rows: r.Rows, Values: r.Values, Conflicts: r.Conflicts, Unreadable: r.Unreadable, Left: r.Left,
		Sweeps: r.Sweeps, Seconds: r.Took.Seconds(), Paused: r.Paused.Seconds(), kept: kept}
	if !dry && kept >= 0 {
		d.KeepUntil = at.Add(r.Took).Add(kept)
	}
	return d
}

// verdict is the error of what is left to people.
func (d *reencryptDoc) verdict() error {
	switch {
	case d.Unreadable > 0:
		return &pawl.Error{Code: pawl.CodeHeld, Op: "re-encrypt", On: d.Table, Why: fmt.Sprintf("%s values open with no key, and are as they were", grouped(d.Unreadable)),
			Next: "find their key and give it with --old-key, or write them anew; --report FILE lists them"}
	case d.Left > 0 && !d.DryRun:
		return &pawl.Error{Code: pawl.CodePending, Op: "re-encrypt", On: d.Table, Why: fmt.Sprintf("%s rows are left: somebody still writes old values", grouped(d.Left)), Next: "switch all writers to the new key, then start it again"}
	case d.DryRun && d.Rows > 0:
		return &pawl.Error{Code: pawl.CodePending, Op: "re-encrypt", On: d.Table, Why: fmt.Sprintf("%s rows are to be written", grouped(d.Rows)), Next: "the same command without --dry-run"}
	}
	return nil
}

// text shows the result to a person.
func (d *reencryptDoc) text(w io.Writer) error {
	var b strings.Builder
	took := time.Duration(d.Seconds * float64(time.Second))
	rate := ""
	if d.Seconds > 0 {
		rate = ", " + grouped(int64(float64(d.Rows)/d.Seconds)) + " rows/s"
	}
	if d.DryRun {
		fmt.Fprintf(&b, "%s: %s rows with %s values would be written; every value was opened in %s\n", d.Table, grouped(d.Rows), grouped(d.Values), took.Round(time.Millisecond))
		if d.Rows > 0 {
			fmt.Fprintf(&b, "  writing takes about four times that, %s, and some %s of write-ahead log\n", (4 * took).Round(100*time.Millisecond), bytesText(d.Rows*walPerRow))
		}
		if d.Unreadable > 0 {
			fmt.Fprintf(&b, "  %s values open with no key\n", grouped(d.Unreadable))
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
	fmt.Fprintf(&b, "%s: %s rows with %s values written in %s%s\n", d.Table, grouped(d.Rows), grouped(d.Values), took.Round(time.Millisecond), rate)
	if d.Conflicts > 0 {
		fmt.Fprintf(&b, "  %s rows were changed by somebody else in between, and done again\n", grouped(d.Conflicts))
	}
	fmt.Fprintf(&b, "  %s rows are left that are not under the new key, counted after all was on disk\n", grouped(d.Left))
	if d.Fence {
		b.WriteString("  the database refuses older formats from now on\n")
	}
	switch {
	case d.Left > 0:
	case d.KeepUntil.IsZero():
		b.WriteString("  keep the old key until the last backup that has old rows is gone; --backups 30d says when that is\n")
	case d.kept == 0:
		b.WriteString("  the old key may go now\n")
	default:
		fmt.Fprintf(&b, "  the old key may go on %s: backups from before need it until then\n", d.KeepUntil.Local().Format("2 Jan 2006 15:04"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// walPerRow is about how many bytes of write-ahead log a row with two values
// of 100 bytes costs, as make bench-reencrypt measures.
const walPerRow = 930

// bytesText shows a number of bytes.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
