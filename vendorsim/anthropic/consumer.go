package anthropic

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// model is the one model that there is.
const model = "claude-sonnet-4-5-20250929"

// overloadedStatus is Anthropic's own ("Errors" in the reference).
const overloadedStatus = 529

// consumer lets a call through that came with an API key which works.
func consumer(do func(*Anthropic, *route.Call)) func(*Anthropic, *route.Call) {
	return func(a *Anthropic, c *route.Call) {
		if a.overloaded {
			fail(c, overloadedStatus, "overloaded_error", "Overloaded")
			return
		}
		k := a.find(c.R.Header.Get("X-Api-Key"), a.now())
		switch {
		case k == nil:
			unknown(c)
		case k.scoped:
			fail(c, http.StatusForbidden, "permission_error", "Your API key does not have permission to use the specified resource.")
		case a.limited(c, k):
			fail(c, http.StatusTooManyRequests, "rate_limit_error", "This request would exceed your organization's rate limit.")
		default:
			k.lastUsed = a.now()
			do(a, c)
		}
	}
}

// limited counts the calls of a key's workspace in the last minute. The headers
// are those of "Rate limits" in the reference. Anthropic refills a bucket all
// the time; a window that moves is close enough to be waited for.
func (a *Anthropic) limited(c *route.Call, k *key) bool {
	if a.cfg.PerMinute <= 0 {
		return false
	}
	id, now := "", a.now()
	if k.workspace != nil {
		id = k.workspace.id
	}
	recent := a.made[id]
	for len(recent) > 0 && !recent[0].After(now.Add(-time.Minute)) {
		recent = recent[1:]
	}
	over := len(recent) >= a.cfg.PerMinute
	if !over {
		recent = append(recent, now)
	}
	a.made[id] = recent
	reset := recent[0].Add(time.Minute)
	h := c.W.Header()
	h.Set("anthropic-ratelimit-requests-limit", strconv.Itoa(a.cfg.PerMinute))
	h.Set("anthropic-ratelimit-requests-remaining", strconv.Itoa(a.cfg.PerMinute-len(recent)))
	h.Set("anthropic-ratelimit-requests-reset", reset.Format(time.RFC3339))
	if over {
		h.Set("retry-after", strconv.Itoa(1+int(reset.Sub(now)/time.Second)))
	}
	return over
}

// modelView is a ModelInfo of anthropic-sdk-go with every field that is
// required there.
func modelView() map[string]any {
	can := func(yes bool) map[string]any { return map[string]any{"supported": yes} }
	return map[string]any{"id": model, "type": "model", "display_name": "Claude Sonnet 4.5", "created_at": "2025-09-29T00:00:00Z",
		"max_input_tokens": 200_000, "max_tokens": 64_000,
		"capabilities": map[string]any{"batch": can(true), "citations": can(true), "code_execution": can(true), "image_input": can(true), "pdf_input": can(true), "structured_outputs": can(true),
			"context_management": map[string]any{"supported": true, "clear_thinking_20251015": can(true), "clear_tool_uses_20250919": can(true), "compact_20260112": can(false)},
			"effort":             map[string]any{"supported": false, "high": can(false), "low": can(false), "max": can(false), "medium": can(false), "xhigh": can(false)},
			"thinking":           map[string]any{"supported": true, "types": map[string]any{"adaptive": can(false), "enabled": can(true)}}}}
}

func listModels(a *Anthropic, c *route.Call) { a.page(c, []map[string]any{modelView()}) }

func showModel(_ *Anthropic, c *route.Call) {
	if c.Arg("model") != model {
		noModel(c)
		return
	}
	c.JSON(http.StatusOK, modelView())
}

func noModel(c *route.Call) {
	fail(c, http.StatusNotFound, "not_found_error", "model: not found")
}

// createMessage answers every message alike.
func createMessage(a *Anthropic, c *route.Call) {
	var in struct {
		Model     string `json:"model"`
		MaxTokens int    `json:"max_tokens"`
		Messages  []struct {
			Role    string          `json:"role"`
			Content json.RawMessage `json:"content"`
		} `json:"messages"`
	}
	switch err := c.Read(&in); {
	case err != nil:
		fail(c, http.StatusBadRequest, invalidRequest, "The request body is not valid JSON.")
	case in.Model == "" || in.MaxTokens < 1 || len(in.Messages) == 0:
		fail(c, http.StatusBadRequest, invalidRequest, "model, max_tokens, messages: Field required")
	case in.Model != model:
		noModel(c)
	default:
		c.JSON(http.StatusOK, map[string]any{"id": "msg_01" + vendorsim.Random(a.cfg.Rand, 22), "type": "message", "role": "assistant", "model": model,
			"content": []any{map[string]any{"type": "text", "text": "Hello."}}, "stop_reason": "end_turn", "stop_sequence": nil,
			"usage": map[string]any{"input_tokens": 8, "output_tokens": 3}})
	}
}
