package platform

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl/envelope"
)

// Secret is a secret as it is stored: sealed.
type Secret struct {
	Workspace string // that it is of; "" is a global one
	Key       string
	Value     []byte
	UpdatedAt time.Time
}

// Workspace is a workspace as it is stored.
type Workspace struct {
	ID     string
	Paused bool
	Status string
	Booted []byte // the model's key that it booted with, sealed; empty is none
}

// Line is a line of a workspace's log.
type Line struct {
	At        time.Time
	Workspace string
	Message   string
}

// keptLines is how many lines are kept of each workspace, the newest.
const keptLines = 200

// Secrets keeps secrets.
type Secrets interface {
	// Secrets lists all of them by workspace and key.
	Secrets(ctx context.Context) ([]Secret, error)
	PutSecret(ctx context.Context, s Secret) error
	// RemoveSecret removes one. That it is not there is no error.
	RemoveSecret(ctx context.Context, workspace, key string) error
}

// Workspaces keeps workspaces.
type Workspaces interface {
	// Workspaces lists all of them, oldest first.
	Workspaces(ctx context.Context) ([]Workspace, error)
	PutWorkspace(ctx context.Context, w Workspace) error
}

// Lines keeps the workspaces' logs, of each the newest 200 lines.
type Lines interface {
	// Lines lists those that are not older than an instant, in the order in
	// which they were added.
	Lines(ctx context.Context, since time.Time) ([]Line, error)
	AddLine(ctx context.Context, l Line) error
}

// Store keeps a platform's state. What its methods have answered is kept when
// the program ends. It is safe for concurrent use; one Server at a time has it.
type Store interface {
	Secrets
	Workspaces
	Lines
	// Rings gives the keys that values are sealed under.
	Rings() envelope.Rings
}

// Memory is a Store in memory, under a key that is there as long as it is.
type Memory struct {
	rings *envelope.Ring

	mu         sync.Mutex
	secrets    map[[2]string]Secret
	workspaces []Workspace
	lines      []Line
}

// NewMemory makes an empty one.
func NewMemory() *Memory {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // which never fails
	ring, err := envelope.DirectRing(key)
	if err != nil {
		panic("platform: 32 bytes are no key: " + err.Error())
	}
	return &Memory{rings: ring, secrets: map[[2]string]Secret{}}
}

// Rings gives the key.
func (m *Memory) Rings() envelope.Rings { return m.rings }

// Secrets lists the secrets.
func (m *Memory) Secrets(context.Context) ([]Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.secrets), func(a, b Secret) int {
		return strings.Compare(a.Workspace+"\x00"+a.Key, b.Workspace+"\x00"+b.Key)
	}), nil
}

// PutSecret writes a secret.
func (m *Memory) PutSecret(_ context.Context, s Secret) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secrets[[2]string{s.Workspace, s.Key}] = s
	return nil
}

// RemoveSecret removes a secret.
func (m *Memory) RemoveSecret(_ context.Context, workspace, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.secrets, [2]string{workspace, key})
	return nil
}

// Workspaces lists the workspaces.
func (m *Memory) Workspaces(context.Context) ([]Workspace, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.workspaces), nil
}

// PutWorkspace writes a workspace.
func (m *Memory) PutWorkspace(_ context.Context, w Workspace) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.IndexFunc(m.workspaces, func(have Workspace) bool { return have.ID == w.ID }); i >= 0 {
		m.workspaces[i] = w
	} else {
		m.workspaces = append(m.workspaces, w)
	}
	return nil
}

// Lines lists lines.
func (m *Memory) Lines(_ context.Context, since time.Time) ([]Line, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.lines), func(l Line) bool { return l.At.Before(since) }), nil
}

// AddLine adds a line.
func (m *Memory) AddLine(_ context.Context, l Line) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, l)
	of, oldest := 0, -1
	for i, have := range m.lines {
		if have.Workspace == l.Workspace {
			if of++; oldest < 0 {
				oldest = i
			}
		}
	}
	if of > keptLines {
		m.lines = slices.Delete(m.lines, oldest, oldest+1)
	}
	return nil
}
