package saas

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"sort"
	"time"

	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// platform is a tenant's platform: global secrets and workspaces that boot
// with them.
type tenancy struct {
	global     map[string]setting
	workspaces []*workspace
	lines      []logLine
}

type setting struct {
	value string
	at    time.Time
}

type workspace struct {
	id        string
	paused    bool
	overrides map[string]string // a workspace's own value wins over the global one
	booted    string            // the language model's key that it runs with; "" while it is paused
	status    string            // what became of its first call: running, refused or failing; or paused
}

type logLine struct {
	at   time.Time
	text string
}

func newPlatform() tenancy { return tenancy{global: map[string]setting{}} }

// withWorkspace finds the workspace in the path.
func withWorkspace(do func(*process, *route.Call, *org, *workspace)) func(*process, *route.Call, *org) {
	return func(p *process, c *route.Call, o *org) {
		for _, w := range o.platform.workspaces {
			if w.id == c.Arg("workspace") {
				do(p, c, o, w)
				return
			}
		}
		c.JSON(http.StatusNotFound, map[string]any{"error": "no such workspace"})
	}
}

// listSettings tells which global secrets there are and when they were set,
// and never a value.
func listSettings(p *process, c *route.Call, o *org) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []any{}
	for _, key := range sortedKeys(o.platform.global) {
		list = append(list, map[string]any{"key": key, "has_value": o.platform.global[key].value != "", "updated_at": o.platform.global[key].at.UTC().Format(time.RFC3339Nano)})
	}
	c.JSON(http.StatusOK, map[string]any{"secrets": list})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// putSetting sets a global secret and restarts every workspace that is not
// paused.
func putSetting(p *process, c *route.Call, o *org) {
	var in struct{ Key, Value string }
	if err := c.Read(&in); err != nil || in.Key == "" || in.Value == "" {
		c.JSON(http.StatusBadRequest, map[string]any{"error": "key and value are needed"})
		return
	}
	kept, stores := p.front.Faults.Stored(c.R, c.R.Method+" "+c.Path, in.Value)
	p.mu.Lock()
	defer p.mu.Unlock()
	if stores {
		o.platform.global[in.Key] = setting{value: kept, at: p.cfg.Now()}
	}
	restarted := 0
	for _, w := range o.platform.workspaces {
		if !w.paused {
			p.start(c.R.Context(), o, w)
			restarted++
		}
	}
	c.JSON(http.StatusOK, map[string]any{"key": in.Key, "restarted": restarted})
}

// start boots a workspace with the key that is in force for it, and makes its
// first call to the language model. s.mu is held.
func (s *SaaS) start(ctx context.Context, o *org, w *workspace) {
	w.booted, w.status = "", "paused"
	if w.paused {
		return
	}
	w.booted = o.platform.global[AnthropicKey].value
	if own, ok := w.overrides[AnthropicKey]; ok {
		w.booted = own
	}
	line := w.id + ": started"
	w.status = "running"
	switch s.complete(ctx, w.booted) {
	case http.StatusOK:
	case http.StatusUnauthorized:
		line, w.status = w.id+": 401 unauthorized", "refused"
	default:
		line, w.status = w.id+": the model did not answer", "failing"
	}
	o.platform.lines = append(o.platform.lines, logLine{s.cfg.Now(), line})
}

// complete makes a call to the language model, as a workspace does, and gives
// its status.
func (s *SaaS) complete(ctx context.Context, key string) int {
	body := []byte(`{"model":"claude-sonnet-4-5-20250929","max_tokens":1,"messages":[{"role":"user","content":"hello"}]}`)
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, "https://"+anthropic.Host+"/v1/messages", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header = http.Header{"X-Api-Key": {key}, "Anthropic-Version": {"2023-06-01"}, "Content-Type": {"application/json"}}
	resp, err := s.vendors.RoundTrip(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// allWorkspaces lists the workspaces of every tenant: how each fares, and the
// names of the secrets that it overrides.
func allWorkspaces(p *process, c *route.Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []any{}
	for _, o := range p.orgs {
		for _, w := range o.platform.workspaces {
			list = append(list, map[string]any{"org": o.id, "id": w.id, "paused": w.paused, "status": w.status, "overrides": sortedKeys(w.overrides)})
		}
	}
	c.JSON(http.StatusOK, map[string]any{"workspaces": list})
}

// listOverrides tells which secrets a workspace has of its own.
func listOverrides(p *process, c *route.Call, _ *org, w *workspace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := []any{}
	for _, key := range sortedKeys(w.overrides) {
		list = append(list, map[string]any{"key": key, "has_value": true})
	}
	c.JSON(http.StatusOK, map[string]any{"secrets": list})
}

func restartWorkspace(p *process, c *route.Call, o *org, w *workspace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.paused {
		c.JSON(http.StatusConflict, map[string]any{"error": "the workspace is paused"})
		return
	}
	p.start(c.R.Context(), o, w)
	c.JSON(http.StatusOK, map[string]any{"id": w.id, "status": "running"})
}

func resumeWorkspace(p *process, c *route.Call, o *org, w *workspace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.paused = false
	p.start(c.R.Context(), o, w)
	c.JSON(http.StatusOK, map[string]any{"id": w.id, "status": "running"})
}

// listPlatformLog gives the lines of a platform's log since a time.
func listPlatformLog(p *process, c *route.Call, o *org) {
	since, err := time.Parse(time.RFC3339Nano, c.Query("since"))
	if c.Query("since") != "" && err != nil {
		c.JSON(http.StatusBadRequest, map[string]any{"error": "since is no time"})
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, l := range o.platform.lines {
		if !l.at.Before(since) {
			if err := enc.Encode(map[string]any{"at": l.at.UTC().Format(time.RFC3339Nano), "message": l.text}); err != nil {
				panic("saas: a line cannot be encoded: " + err.Error())
			}
		}
	}
	c.W.Header().Set("Content-Type", "application/x-ndjson")
	_, _ = c.W.Write(b.Bytes()) // the caller may have gone
}
