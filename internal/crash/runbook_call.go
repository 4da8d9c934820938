package crash

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// classify says what a request to any vendor of the runbook is.
func (b *runbook) classify(req *http.Request) Call {
	c := Call{Kind: Reads, Route: req.Method + " " + req.URL.Host + " " + pattern(req.URL.Path)}
	changes := req.Method != http.MethodGet
	switch req.URL.Host {
	case databaseHost:
		if req.URL.Path == rowsPath {
			c.Kind = Starts
			return c
		}
		return b.database.classify(req)
	case redisHost:
		return b.redis.classify(req)
	case neon.Host:
		c.Kind = issuing(req, "/api_keys")
	case resend.Host:
		if c.Kind = issuing(req, "/api-keys"); changes && req.URL.Path == "/emails" {
			c.Kind = Starts
		}
	case anthropic.Host:
		if changes && strings.Contains(req.URL.Path, "/api_keys/") {
			c.Kind = statusKind(req)
		}
	case saas.Host:
		switch {
		case req.Method == http.MethodPut:
			c.Kind = Writes
		case changes:
			c.Kind = Starts
		}
	default:
		return classifySeed(req)
	}
	return c
}

// issuing classes calls of keys that are a collection.
func issuing(req *http.Request, under string) CallKind {
	switch {
	case !strings.Contains(req.URL.Path, under):
		return Reads
	case req.Method == http.MethodPost:
		return Mints
	case req.Method == http.MethodDelete:
		return Revokes
	default:
		return Lists
	}
}

// statusKind looks into the body for the status that a key is given.
func statusKind(req *http.Request) CallKind {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return Reads
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case bytes.Contains(body, []byte(`"archived"`)):
		return Revokes
	case bytes.Contains(body, []byte(`"inactive"`)):
		return Deactivates
	default:
		return Activates
	}
}

// lie makes every place lie about the next write, and the databases about the
// next end; "" stops.
func (b *runbook) lie(kind string) {
	kinds := map[string]vendorsim.Kind{string(LieNothing): vendorsim.OKStoreNothing, string(LieEmpty): vendorsim.OKStoreEmpty, string(LieShort): vendorsim.OKStoreTruncated}
	b.lying = kind
	b.database.lie, b.redis.lie = kind, kind
	lie, lies := kinds[kind]
	for _, f := range []*vendorsim.Faults{b.Fly.Faults(), b.GitHub.Faults(), b.Faults()} {
		f.Clear()
		if lies {
			f.Add(vendorsim.Rule{Kind: lie})
		}
	}
}
