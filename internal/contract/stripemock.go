package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// stripeMock is Stripe's own stand-in. It has no state: it holds a call to
// Stripe's whole description and answers with an example.
const stripeMock = "github.com/stripe/stripe-mock@v0.203.0"

// mock is a running stripe-mock.
type mock struct {
	url string
	cmd *exec.Cmd
}

// startMock builds and starts stripe-mock on two free ports of loopback. With
// one it would open the other to everybody.
func startMock(ctx context.Context, dir string) (*mock, error) {
	build := exec.CommandContext(ctx, "go", "install", stripeMock)
	build.Dir, build.Env = dir, append(os.Environ(), "GOBIN="+dir, "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("contract: install %s: %w\n%s", stripeMock, err, out)
	}
	plain, err := freePort()
	if err != nil {
		return nil, err
	}
	secure, err := freePort()
	if err != nil {
		return nil, err
	}
	m := &mock{url: "http://" + plain, cmd: exec.CommandContext(ctx, filepath.Join(dir, "stripe-mock"), "-http-addr", plain, "-https-addr", secure)}
	if err := m.cmd.Start(); err != nil {
		return nil, fmt.Errorf("contract: start stripe-mock: %w", err)
	}
	if err := m.ready(ctx, plain); err != nil {
		m.stop()
		return nil, err
	}
	return m, nil
}

// moduleCache gives where go keeps modules.
func moduleCache(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return "", fmt.Errorf("contract: find the module cache: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("contract: find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// ready waits until the port is open: stripe-mock gives no other sign.
func (m *mock) ready(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("contract: stripe-mock does not listen: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (m *mock) stop() {
	_ = m.cmd.Process.Kill() // it holds nothing
	_ = m.cmd.Wait()         // it was killed
}

// mockKey is a key of the form that stripe-mock asks for.
const mockKey = "Bearer sk_test_123"

// judge sends a recorded call to stripe-mock and gives its complaint, "" for
// none.
func (m *mock) judge(ctx context.Context, e exchange) (string, error) {
	r, err := e.request(m.url)
	if err != nil {
		return "", err
	}
	r.Header.Del("Accept-Encoding")
	if r.Header.Get("Authorization") != "" {
		r.Header.Set("Authorization", mockKey)
	}
	answer, err := http.DefaultClient.Do(r.WithContext(ctx))
	if err != nil {
		return "", fmt.Errorf("contract: ask stripe-mock: %w", err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", fmt.Errorf("contract: read stripe-mock's answer: %w", err)
	}
	if answer.StatusCode < 400 {
		return "", nil
	}
	var problem struct{ Error struct{ Message string } }
	if json.Unmarshal(body, &problem) != nil || problem.Error.Message == "" {
		return fmt.Sprintf("stripe-mock: %d", answer.StatusCode), nil
	}
	first, _, _ := strings.Cut(problem.Error.Message, "\n")
	return fmt.Sprintf("stripe-mock: %d %s", answer.StatusCode, first), nil
}
