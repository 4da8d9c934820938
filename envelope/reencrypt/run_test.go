package reencrypt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/reencrypt"
)

// within bounds what a test waits for.
const within = 20 * time.Second

// until asks the server again and again until the answer is yes.
func (s *scene) until(what, query string) {
	s.t.Helper()
	for began := time.Now(); s.text("SELECT ("+query+")::text") != "true"; {
		if time.Since(began) > within {
			s.t.Fatalf("%s: not within %s", what, within)
		}
	}
}

// fresh is how many rows of the simple table are under the new key.
const fresh = "SELECT count(*) FROM orgs WHERE substring(v, 1, 3) = '\\xa7524b'"

func TestWhatNoKeyOpensStaysAndIsToldOnce(t *testing.T) {
	s := simple(t, 300)
	unknown := append(envelope.Header(7), make([]byte, 60)...)
	truncated := legacy(t, oldKey, "x")[:20]
	s.exec("UPDATE orgs SET v = CASE id WHEN 5 THEN $1 WHEN 6 THEN $2 WHEN 7 THEN $3 ELSE '\\x00'::bytea END WHERE id BETWEEN 5 AND 8", legacy(t, foreignKey, "x"), unknown, truncated)
	state := "SELECT string_agg(id || v::text || xmin || ctid, ' ' ORDER BY id) FROM orgs WHERE id BETWEEN 5 AND 8"
	before := s.text(state)
	j := s.job(orgs)
	told := map[string]int{}
	j.Unreadable = func(u reencrypt.Unreadable) {
		told[u.Row]++
		if u.Table != "orgs" || u.Column != "v" || u.Why == "" {
			t.Errorf("told of %+v", u)
		}
	}
	if dry, err := j.DryRun(t.Context()); err != nil || dry.Unreadable != 4 || dry.Rows != 296 {
		t.Errorf("a dry run came to %+v, %v", dry, err)
	}
	for run, rows := range []int64{296, 0} {
		clear(told)
		if res := s.run(j); res.Rows != rows || res.Unreadable != 4 || res.Left != 4 || res.Sweeps != 1 {
			t.Errorf("run %d came to %+v", run, res)
		}
		if len(told) != 4 || told["5"]+told["6"]+told["7"]+told["8"] != 4 {
			t.Errorf("run %d told of %v, want each once", run, told)
		}
	}
	if after := s.text(state); after != before {
		t.Errorf("rows that no key opens were written:\n%s\n%s", before, after)
	}
}

// TestARowWithOneUnreadableValue has another that is written.
func TestARowWithOneUnreadableValue(t *testing.T) {
	s := newScene(t, "CREATE TABLE orgs (id int PRIMARY KEY, v bytea, w text)")
	s.exec("INSERT INTO orgs VALUES (1, $1, 'garbage'), (2, $2, 'pwl3:garbage')", legacy(t, oldKey, "one"), legacy(t, oldKey, "two"))
	res := s.run(s.job(reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "v"}, {Name: "w"}}}))
	if res.Rows != 2 || res.Values != 2 || res.Unreadable != 2 || res.Left != 2 {
		t.Errorf("it came to %+v", res)
	}
	s.two("SELECT v FROM orgs ORDER BY id", false, envelope.Binding{Table: "orgs", Column: "v", Row: "1"}, envelope.Binding{Table: "orgs", Column: "v", Row: "2"})
	if got := s.text("SELECT string_agg(w, ' ' ORDER BY id) FROM orgs"); got != "garbage pwl3:garbage" {
		t.Errorf("the unreadable values are %q now", got)
	}
}

func TestADryRunWritesNothingAndCountsWhatRunWrites(t *testing.T) {
	s := simple(t, 2500)
	s.exec("UPDATE orgs SET v = '' WHERE id % 10 = 0")
	s.exec("VACUUM orgs")
	state := "SELECT md5(string_agg(id || v::text || xmin || ctid, ' ' ORDER BY id)) FROM orgs"
	before := s.text(state)
	j := s.job(orgs)
	dry, err := j.DryRun(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after := s.text(state); after != before {
		t.Error("a dry run wrote")
	}
	if res := s.run(j); res.Rows != dry.Rows || res.Values != dry.Values || res.Rows != 2250 {
		t.Errorf("the dry run came to %+v, and the run to %+v", dry, res)
	}
}

func TestStridedPassesComeToTheSame(t *testing.T) {
	for _, key := range []string{"int", "text"} {
		s := newScene(t, "CREATE TABLE orgs (id "+key+" PRIMARY KEY, note text, v bytea)")
		for n := range 2000 {
			s.exec("INSERT INTO orgs SELECT $1::text::"+key+", '', $2", fmt.Sprint(n), legacy(t, oldKey, first(n)))
		}
		j := s.job(orgs)
		j.Options.Passes, j.Options.Batch = 7, 100
		if res := s.run(j); res.Rows != 2000 || res.Left != 0 || res.Sweeps != 1 {
			t.Errorf("%s: it came to %+v", key, res)
		}
		if key == "int" {
			s.whole(2000, first)
		}
	}
}

func TestTwoJobsAtOnce(t *testing.T) {
	s := simple(t, 5000)
	var group sync.WaitGroup
	results := make([]reencrypt.Result, 2)
	for i := range results {
		group.Go(func() {
			var err error
			if results[i], err = s.job(orgs).Run(t.Context()); err != nil {
				t.Errorf("job %d: %v", i, err)
			}
		})
	}
	group.Wait()
	s.whole(5000, first)
	if results[0].Rows+results[1].Rows != 5000 || results[0].Left+results[1].Left != 0 {
		t.Errorf("they came to %+v", results)
	}
}

func TestAJobThatWasStoppedGoesOn(t *testing.T) {
	s := simple(t, 4000)
	before := runtime.NumGoroutine()
	j := s.job(orgs)
	j.Options.Rate, j.Options.Batch = 2000, 100
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := j.Run(ctx)
		ended <- err
	}()
	s.until("the first rows", "SELECT ("+fresh+") > 0")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped job: %v", err)
	}
	for began := time.Now(); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Since(began) > within {
			t.Fatalf("%d goroutines are left, and there were %d", runtime.NumGoroutine(), before)
		}
	}
	s.until("the sessions' end", "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pawl reencrypt' AND datname = current_database()")
	done := s.text("SELECT (" + fresh + ")::text")
	j.Options.Rate = 0
	if res := s.run(j); fmt.Sprint(4000-res.Rows) != done || res.Left != 0 {
		t.Errorf("it went on to %+v, and %s rows were done", res, done)
	}
	s.whole(4000, first)
}

func TestAConnectionThatIsCut(t *testing.T) {
	s := simple(t, 4000)
	j := s.job(orgs)
	j.Options.Rate, j.Options.Batch = 2000, 100
	ended := make(chan error, 1)
	go func() {
		_, err := j.Run(t.Context())
		ended <- err
	}()
	s.until("the first rows", "SELECT ("+fresh+") > 0")
	s.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pawl reencrypt' AND datname = current_database() AND query ~ 'UPDATE ONLY|WHERE ctid' LIMIT 1")
	err := <-ended
	var e *pawl.Error
	if !errors.As(err, &e) || e.On != "orgs" || !strings.Contains(e.Next, "goes on where it stopped") {
		t.Errorf("a job whose session was ended: %v", err)
	}
	j.Options.Rate = 0
	if res := s.run(j); res.Left != 0 {
		t.Errorf("it went on to %+v", res)
	}
	s.whole(4000, first)
}

// TestRowsThatSomebodyHoldsAreWaitedFor holds rows until the job has done all
// others and waits.
func TestRowsThatSomebodyHoldsAreWaitedFor(t *testing.T) {
	s := simple(t, 1000)
	holder := s.connect()
	for _, sql := range []string{"BEGIN", "UPDATE orgs SET note = 'held' WHERE id IN (10, 500)"} {
		if _, err := holder.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	j := s.job(orgs)
	ended := make(chan reencrypt.Result, 1)
	go func() {
		res, err := j.Run(t.Context())
		if err != nil {
			t.Error(err)
		}
		ended <- res
	}()
	s.until("all others", "SELECT ("+fresh+") = 998")
	if _, err := holder.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if res := <-ended; res.Left != 0 || res.Rows != 1000 {
		t.Errorf("it came to %+v", res)
	}
	s.whole(1000, first)
	if got := s.text("SELECT string_agg(id::text, ' ' ORDER BY id) FROM orgs WHERE note = 'held'"); got != "10 500" {
		t.Errorf("the holder's write is at %q", got)
	}
}

func TestRowsThatAreHeldForGoodAreNamed(t *testing.T) {
	s := simple(t, 100)
	holder := s.connect()
	for _, sql := range []string{"BEGIN", "SELECT FROM orgs WHERE id = 10 FOR UPDATE"} {
		if _, err := holder.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	j := s.job(orgs)
	j.Options.Sweeps = 5
	_, err := j.Run(t.Context())
	if pawl.CodeOf(err) != pawl.CodePending || !strings.Contains(err.Error(), "after 5 sweeps 1 rows still have old values: other transactions hold the rows that are left") {
		t.Errorf("got %v", err)
	}
	if got := s.text("SELECT (" + fresh + ")::text"); got != "99" {
		t.Errorf("%s rows are done, want 99", got)
	}
}

// TestTheApplicationIsNotADeadlocksVictim has a transaction go through the rows
// against the job's order.
func TestTheApplicationIsNotADeadlocksVictim(t *testing.T) {
	s := simple(t, 2000)
	app := s.connect()
	j := s.job(orgs)
	j.Options.Workers, j.Options.Rate = 1, 10_000
	if _, err := app.Exec(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	write := func(id int) {
		if _, err := app.Exec(t.Context(), "UPDATE orgs SET note = 'app' WHERE id = $1", id); err != nil {
			t.Fatalf("row %d: %v", id, err)
		}
	}
	write(2000)
	ended := make(chan error, 1)
	go func() {
		_, err := j.Run(t.Context())
		ended <- err
	}()
	s.until("the first rows", "SELECT ("+fresh+") > 0")
	for id := 1990; id > 0; id -= 10 {
		write(id)
	}
	if _, err := app.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s.whole(2000, first)
	if got := s.text("SELECT count(*)::text FROM orgs WHERE note = 'app'"); got != "200" {
		t.Errorf("the application's transaction is in %s rows, want 200", got)
	}
}

func TestTheRateIsKept(t *testing.T) {
	t.Parallel()
	s := simple(t, 5000)
	j := s.job(orgs)
	j.Options.Rate, j.Options.Batch = 2000, 100
	type look struct {
		at   time.Time
		done int64
	}
	var looks []look
	j.Progress = func(p reencrypt.Progress) { looks = append(looks, look{time.Now(), p.Done}) }
	res := s.run(j)
	begin, end := looks[0], looks[0]
	for _, l := range looks {
		if l.done < res.Rows {
			end = l
		}
	}
	took := end.at.Sub(begin.at)
	if rate := float64(end.done-begin.done) / took.Seconds(); took < time.Second || rate > 2200 || rate < 1800 {
		t.Errorf("%d rows took %s: %.0f a second, and 2000 were allowed", end.done-begin.done, took, rate)
	}
	if res.Paused == 0 {
		t.Error("it says that it never paused")
	}
}

func TestProgressIsSane(t *testing.T) {
	t.Parallel()
	s := simple(t, 5000)
	j := s.job(orgs)
	j.Options.Rate, j.Options.Batch = 2000, 100
	var seen []reencrypt.Progress
	j.Progress = func(p reencrypt.Progress) { seen = append(seen, p) }
	res := s.run(j)
	last := reencrypt.Progress{}
	for _, p := range seen {
		if p.Sweep < last.Sweep || p.Sweep == last.Sweep && p.Part < last.Part || p.Done < last.Done || p.Part < 0 || p.Part > 1 || p.Rate < 0 || p.Total != 5000 {
			t.Errorf("after %+v comes %+v", last, p)
		}
		last = p
	}
	if len(seen) < 3 || last.Part != 1 || last.Done != res.Rows || last.Sweep != res.Sweeps {
		t.Errorf("of %d the last is %+v", len(seen), last)
	}
	if mid := seen[1]; mid.Left <= 0 || mid.Left > 10*time.Second || mid.Rate < 500 {
		t.Errorf("on the way it is %+v", mid)
	}
}

// TestALongTransactionStopsTheJob holds a snapshot, or rows, until the job says
// that it waits for that.
func TestALongTransactionStopsTheJob(t *testing.T) {
	for name, begin := range map[string]string{
		"snapshot": "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orgs",
		"write":    "BEGIN; CREATE TABLE other (id int)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := simple(t, 4000)
			holder := s.connect()
			for _, sql := range strings.Split(begin, "; ") {
				if _, err := holder.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			j := s.job(orgs)
			j.Options = reencrypt.Options{Rate: 1500, Batch: 100, MaxSnapshot: time.Millisecond}
			held := make(chan int64, 100)
			j.Progress = func(p reencrypt.Progress) {
				if strings.HasPrefix(p.Held, "waits: the session ") {
					held <- p.Done
				}
			}
			ended := make(chan error, 1)
			go func() {
				_, err := j.Run(t.Context())
				ended <- err
			}()
			before := <-held
			if after := <-held; after-before > 400 {
				t.Errorf("it wrote %d rows while it waited", after-before)
			}
			select {
			case err := <-ended:
				t.Fatalf("it did not wait: %v", err)
			default:
			}
			if _, err := holder.Exec(t.Context(), "COMMIT"); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			s.whole(4000, first)
		})
	}
}

// journal is a log that many may write to.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *journal) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *journal) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestATableThatTheRoleMayNotVacuum(t *testing.T) {
	s := simple(t, 500)
	connect := s.as("writer_only")
	s.exec("GRANT SELECT, UPDATE ON orgs TO writer_only")
	j := s.job(orgs)
	log := &journal{}
	j.Connect, j.Log, j.Options.Vacuum = connect, slog.New(slog.NewTextHandler(log, nil)), 50
	j.Options.Rate, j.Options.Batch = 2000, 50
	if res := s.run(j); res.Left != 0 {
		t.Errorf("it came to %+v", res)
	}
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "not vacuumed on the way") || !strings.Contains(text, "writer_only") {
		t.Errorf("the log is %q", text)
	}
}

func TestTheTableIsVacuumedOnTheWay(t *testing.T) {
	s := simple(t, 3000)
	s.exec("ALTER TABLE orgs SET (autovacuum_enabled = off)")
	j := s.job(orgs)
	j.Options.Vacuum, j.Options.Rate, j.Options.Batch = 500, 3000, 100
	if res := s.run(j); res.Left != 0 {
		t.Errorf("it came to %+v", res)
	}
	s.until("the server to count it", "SELECT vacuum_count > 0 FROM pg_stat_user_tables WHERE relname = 'orgs'")
	s.whole(3000, first)
}

// TestSettingsOfOthersDoNotReachTheJob has a database whose settings would each
// have the job find nothing, bind other keys, or be ended.
func TestSettingsOfOthersDoNotReachTheJob(t *testing.T) {
	s := newScene(t, "CREATE TABLE orgs (id text PRIMARY KEY, v bytea, w text)")
	for _, setting := range []string{"client_encoding = 'LATIN1'", "standard_conforming_strings = off", "idle_session_timeout = '300ms'", "default_transaction_read_only = on",
		"default_transaction_isolation = 'serializable'", "enable_tidscan = off", "enable_nestloop = off", "bytea_output = 'escape'", "statement_timeout = '1s'", "search_path = 'nowhere'"} {
		name := s.text("SELECT current_database()")
		s.exec("ALTER DATABASE " + name + " SET " + setting)
	}
	for n := range 1500 {
		s.exec("INSERT INTO orgs VALUES ($1, $2, $3)", fmt.Sprint("é", n), legacy(t, oldKey, first(n)), encoded(t, "base64", oldKey, first(n)))
	}
	j := s.job(reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "v"}, {Name: "w"}}})
	j.Options.Rate, j.Options.Batch = 1000, 100
	if res := s.run(j); res.Rows != 1500 || res.Left != 0 {
		t.Errorf("it came to %+v", res)
	}
	rows, err := s.pg.Query(t.Context(), "SELECT id, v FROM orgs")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var id string
		var v []byte
		if err := rows.Scan(&id, &v); err != nil {
			t.Fatal(err)
		}
		if got := opened(t, false, envelope.Binding{Table: "orgs", Column: "v", Row: id}, v); got != "value "+strings.TrimPrefix(id, "é") {
			t.Fatalf("row %s has %q", id, got)
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
}

// TestAServerThatRefusesARowEndsTheJob also holds that nothing is left behind:
// no session, no goroutine, and no value in the error.
func TestAServerThatRefusesARowEndsTheJob(t *testing.T) {
	s := simple(t, 3000)
	s.exec("ALTER TABLE orgs ADD CONSTRAINT short CHECK (id <> 2500 OR length(v) < 50)")
	before := runtime.NumGoroutine()
	_, err := s.job(orgs).Run(t.Context())
	if pawl.CodeOf(err) != pawl.CodeFailed || !strings.Contains(err.Error(), "short") || strings.Contains(err.Error(), "\\x") {
		t.Errorf("got %v", err)
	}
	for began := time.Now(); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Since(began) > within {
			t.Fatalf("%d goroutines are left, and there were %d", runtime.NumGoroutine(), before)
		}
	}
	s.until("the sessions' end", "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = 'pawl reencrypt' AND datname = current_database()")
	s.exec("ALTER TABLE orgs DROP CONSTRAINT short")
	if res := s.run(s.job(orgs)); res.Left != 0 {
		t.Errorf("it went on to %+v", res)
	}
	s.whole(3000, first)
}
