package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync/atomic"
)

// echo stands before a vendor. When it is armed, one request that changes
// something is answered with an error that repeats its headers and its body,
// as badly made vendors do.
type echo struct {
	skip atomic.Int64 // changes that pass before one is repeated; negative is not armed
	code atomic.Int64
	hits atomic.Int64
}

// arm repeats the change after some others.
func (e *echo) arm(skip, code int) {
	e.code.Store(int64(code))
	e.skip.Store(int64(skip))
}

func (e *echo) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || e.skip.Load() < 0 || e.skip.Add(-1) >= 0 {
			next.ServeHTTP(w, r)
			return
		}
		e.hits.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var text bytes.Buffer
		_ = r.Header.Write(&text) // to memory
		text.Write(body)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(e.code.Load()))
		_ = json.NewEncoder(w).Encode(map[string]any{"message": text.String(), "error": text.String(),
			"errors": []map[string]string{{"message": text.String()}}}) // the caller may be gone
	})
}
