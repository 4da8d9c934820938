package neon

import (
	"context"
	"errors"
	"sync"
)

// Database is the PostgreSQL server behind a branch's endpoint. Neon tells it
// to change when an operation has come to it, so it lags behind what Neon's
// API says. Its methods are called one at a time, with the stand-in locked:
// they must not call the stand-in.
//
// Memory is the one that is used where Config.Database gives none. SQL makes
// one of a real server.
type Database interface {
	// CreateRole makes a role; one without login only owns things.
	CreateRole(ctx context.Context, name, password string, login bool) error
	// SetPassword changes a role's password.
	SetPassword(ctx context.Context, name, password string) error
	// DropRole removes a role. What it owns goes to heir.
	DropRole(ctx context.Context, name, heir string) error
	// DropSessions ends all sessions of roles that were made here.
	DropSessions(ctx context.Context) error
}

// Addressed is a Database that clients can reach. Connection strings then
// have its address in the place of Neon's own host.
type Addressed interface {
	Address() string // "127.0.0.1:40123"
}

// Memory is a Database that only knows who may log in and who is. It is safe
// for concurrent use.
type Memory struct {
	mu       sync.Mutex
	roles    map[string]login
	sessions []*Session
}

type login struct {
	password string
	may      bool
}

// Session is somebody's connection to a Memory.
type Session struct {
	Role string

	mu   sync.Mutex
	gone bool
}

// Alive reports whether the session was not dropped.
func (s *Session) Alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.gone
}

// NewMemory makes a server without roles.
func NewMemory() *Memory { return &Memory{roles: map[string]login{}} }

var (
	errRoleExists = errors.New("the role exists")
	errNoRole     = errors.New("the role does not exist")
)

// CreateRole makes a role.
func (m *Memory) CreateRole(_ context.Context, name, password string, may bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.roles[name]; ok {
		return errRoleExists
	}
	m.roles[name] = login{password, may}
	return nil
}

// SetPassword changes a role's password.
func (m *Memory) SetPassword(_ context.Context, name, password string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.roles[name]
	if !ok {
		return errNoRole
	}
	m.roles[name] = login{password, l.may}
	return nil
}

// DropRole removes a role and ends its sessions. Nothing here is owned.
func (m *Memory) DropRole(_ context.Context, name, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.roles[name]; !ok {
		return errNoRole
	}
	delete(m.roles, name)
	m.drop(func(s *Session) bool { return s.Role == name })
	return nil
}

// DropSessions ends all sessions.
func (m *Memory) DropSessions(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(func(*Session) bool { return true })
	return nil
}

func (m *Memory) drop(which func(*Session) bool) {
	for _, s := range m.sessions {
		if which(s) {
			s.mu.Lock()
			s.gone = true
			s.mu.Unlock()
		}
	}
}

// Login opens a session, unless the password is not the role's.
func (m *Memory) Login(role, password string) (*Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, ok := m.roles[role]
	if !ok || !l.may || l.password != password {
		return nil, false
	}
	s := &Session{Role: role}
	m.sessions = append(m.sessions, s)
	return s, true
}
