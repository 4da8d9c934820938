package stripe

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// replay is the answer to a call with an idempotency key ("Idempotent
// requests", for /v1).
type replay struct {
	call    string
	body    [sha256.Size]byte
	at      time.Time
	request string
	code    int
	answer  []byte
}

// keepReplays is how long such an answer is kept at least; here it is exact.
const keepReplays = 24 * time.Hour

// once does a writing call unless its idempotency key was seen: then it gives
// the first answer again. Refusals are not kept: Stripe keeps nothing of what
// failed validation. Other methods take no such key.
func (s *Stripe) once(c *route.Call, k *key, do func(*Stripe, *route.Call)) {
	name := c.R.Header.Get("Idempotency-Key")
	if name == "" || c.R.Method != http.MethodPost {
		do(s, c)
		return
	}
	if len(name) > 255 {
		fail(c, http.StatusBadRequest, problem{Message: "Idempotency keys can have up to 255 characters."})
		return
	}
	c.W.Header().Set("Idempotency-Key", name)
	raw, err := c.Raw()
	if err != nil {
		fail(c, http.StatusBadRequest, problem{Message: "Invalid request body."})
		return
	}
	c.R.Body = http.NoBody
	if len(raw) > 0 {
		c.R.Body = body{bytes.NewReader(raw)}
	}
	now := replay{call: c.R.Method + " " + c.R.URL.Path, body: sha256.Sum256(raw), at: s.now(), request: c.W.Header().Get("Request-Id")}
	place := k.value + " " + name
	seen := s.replays[place]
	switch {
	case seen != nil && now.at.Sub(seen.at) >= keepReplays:
		delete(s.replays, place)
	case seen != nil && (seen.call != now.call || seen.body != now.body):
		fail(c, http.StatusBadRequest, problem{Type: "idempotency_error", Message: "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '" + name + "' if you meant to execute a different request."})
		return
	case seen != nil:
		seen.give(c.W)
		return
	}
	taken := &recorder{ResponseWriter: c.W}
	c.W = taken
	do(s, c)
	if taken.code < http.StatusBadRequest {
		now.code, now.answer = taken.code, taken.answer
		s.replays[place] = &now
	}
}

// give answers again.
func (r *replay) give(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Idempotent-Replayed", "true")
	h.Set("Original-Request", r.request)
	w.WriteHeader(r.code)
	_, _ = w.Write(r.answer) // the caller may have gone
}

// recorder keeps an answer while it is given.
type recorder struct {
	http.ResponseWriter
	code   int
	answer []byte
}

func (r *recorder) WriteHeader(code int) {
	r.code = code
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.answer = append(r.answer, b...)
	return r.ResponseWriter.Write(b)
}

// body is a request's body that was read before.
type body struct{ *bytes.Reader }

func (body) Close() error { return nil }
