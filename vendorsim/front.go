package vendorsim

import (
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
)

// Labelled is a handler that can name a call without acting on it: by its
// route ("POST /v1/apps/{app}/secrets") or, for GraphQL, by the field that is
// asked for ("createLimitedAccessToken"). It may read the body and must put it
// back.
type Labelled interface {
	http.Handler
	Operation(r *http.Request) string
}

// Front stands before a stand-in: it injects faults and logs requests.
type Front struct {
	Faults   Faults
	Requests Log
	Now      pawl.Clock // nil leaves times in the log at zero
}

// Serve gives the call to h, unless a fault is due, and logs it.
func (f *Front) Serve(w http.ResponseWriter, r *http.Request, h Labelled) {
	e := Entry{Method: r.Method, Host: r.Host, Operation: h.Operation(r)}
	if f.Now != nil {
		e.At = f.Now()
	}
	watched := &watcher{ResponseWriter: w, tape: record(r, h)}
	rule, faulted := f.Faults.take(r, e.Operation, Kind.cuts)
	defer func() {
		e.Status = watched.code
		f.Requests.add(e)
		watched.tape.close(watched.code, watched.Header(), faulted)
	}()
	if faulted {
		rule.serve(watched, r, h)
	} else {
		h.ServeHTTP(watched, r)
	}
	if watched.code == 0 {
		watched.code = http.StatusOK
	}
}

// watcher remembers the status that was answered.
type watcher struct {
	http.ResponseWriter
	code int
	tape *tape
}

func (w *watcher) Write(b []byte) (int, error) {
	w.tape.answered(b)
	return w.ResponseWriter.Write(b)
}

func (w *watcher) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// serve lets the call go wrong.
func (r Rule) serve(w http.ResponseWriter, req *http.Request, h http.Handler) {
	if r.Kind == Before {
		markUnsent(req)
		panic(http.ErrAbortHandler)
	}
	if r.Acts || r.Kind == AfterLost {
		h.ServeHTTP(&nowhere{header: http.Header{}}, req)
	}
	r.answer(w, req)
}

// answer gives the faulty answer.
func (r Rule) answer(w http.ResponseWriter, req *http.Request) {
	switch r.Kind {
	case Status:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(orElse(r.Code, http.StatusInternalServerError))
		_, _ = io.WriteString(w, r.Body) // the caller may have gone
	case Garbage:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "<html>\x00\xff gateway") // the caller may have gone
	case TooMany:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(r.Wait/time.Second))))
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":"rate limit exceeded","message":"rate limit exceeded"}`)
	case Hang:
		// The server notices that a caller has gone only once the body was read.
		_, _ = io.Copy(io.Discard, req.Body)
		<-req.Context().Done()
		panic(http.ErrAbortHandler)
	default:
		panic(http.ErrAbortHandler)
	}
}

func orElse(code, other int) int {
	if code == 0 {
		return other
	}
	return code
}

// nowhere takes an answer that is lost.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}
