// Package jsoncall makes the HTTP calls of key keepers: JSON one way and back,
// bounded, with nothing of what is sent in an error.
package jsoncall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// MaxAnswer is how many bytes of an answer are read. That of a wrapped data
// key has a few hundred.
const MaxAnswer = 1 << 20

// Timeout bounds a call of the client that Client makes: a process that
// starts must not wait for its keys without end.
const Timeout = 30 * time.Second

// Client gives the client to call with: a copy of given, or a new one. It
// follows one redirect, as a standby server gives, and none that leaves TLS:
// the call carries a credential.
func Client(given *http.Client) *http.Client {
	c := &http.Client{Timeout: Timeout}
	if given != nil {
		copied := *given
		c = &copied
	}
	if c.CheckRedirect == nil {
		c.CheckRedirect = func(r *http.Request, via []*http.Request) error {
			if len(via) > 1 {
				return errors.New("it redirects more than once")
			}
			if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
				return errors.New("it redirects to a place without TLS")
			}
			return nil
		}
	}
	return c
}

// Post sends in as JSON and gives the status and the body of the answer,
// whatever the status is. An error means that there was none. The URL must not
// have a secret in it: errors name its host.
func Post(ctx context.Context, client *http.Client, to string, header http.Header, in any) (status int, answer []byte, err error) {
	sent, err := json.Marshal(in)
	if err != nil {
		return 0, nil, err
	}
	defer clear(sent)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(sent))
	if err != nil {
		return 0, nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) { // its text has the whole URL
			err = wrapped.Err
		}
		return 0, nil, fmt.Errorf("call %s: %w", req.URL.Host, err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, MaxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("read the answer of %s: %w", req.URL.Host, err)
	}
	return resp.StatusCode, answer, nil
}
