package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// anthropicAPI is where the language model is called when nothing else is said.
const anthropicAPI = "https://api.anthropic.com"

// Key is the name of the secret that the language model is called with.
const Key = "ANTHROPIC_API_KEY"

// modelName is the model that workspaces work with.
const modelName = "claude-sonnet-4-5-20250929"

// callLimit bounds one call of the model; bootLimit the first of a workspace,
// whose answer is one token.
const (
	callLimit = 60 * time.Second
	bootLimit = 20 * time.Second
)

// errUnauthorized means that the model does not know the key, errNoKey that
// there was none to call it with.
var (
	errUnauthorized = errors.New("401 unauthorized")
	errNoKey        = errors.New("no " + Key + " is set")
)

// model calls the language model: POST /v1/messages of Anthropic's API.
type model struct {
	http *http.Client
	base string
}

// ask gives the model's answer to a prompt, of so many tokens at most.
func (m *model) ask(ctx context.Context, key, prompt string, tokens int) (string, error) {
	if key == "" {
		return "", errNoKey
	}
	body, err := json.Marshal(map[string]any{"model": modelName, "max_tokens": tokens, "messages": []any{map[string]any{"role": "user", "content": prompt}}})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.base+"/v1/messages", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Api-Key", key)
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("call the model: %w", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		return answer(resp.Body)
	case http.StatusUnauthorized:
		return "", errUnauthorized
	default:
		return "", fmt.Errorf("the model answers HTTP %d", resp.StatusCode)
	}
}

// answer reads the text of a Message.
func answer(r io.Reader) (string, error) {
	var m struct {
		Content []struct{ Type, Text string } `json:"content"`
	}
	if err := json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&m); err != nil {
		return "", errors.New("the model's answer is no message")
	}
	var text strings.Builder
	for _, part := range m.Content {
		if part.Type == "text" {
			text.WriteString(part.Text)
		}
	}
	return text.String(), nil
}
