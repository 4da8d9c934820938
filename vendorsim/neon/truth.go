package neon

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// KeyState is what is so about a key, without its value.
type KeyState struct {
	ID, Name  string
	Org       string // "" for a person's
	Project   string // the only one that it opens; "" is no limit
	CreatedAt time.Time
	RevokedAt time.Time // zero is not
	UsedAt    time.Time // zero is never; without Config.UseLag
}

// Keys lists all keys that were ever made, oldest first.
func (n *Neon) Keys() []KeyState {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]KeyState, 0, len(n.keys))
	for _, k := range n.keys {
		s := KeyState{ID: strconv.FormatInt(k.id, 10), Name: k.name, Project: k.project, CreatedAt: k.createdAt, RevokedAt: k.revokedAt}
		if k.org != nil {
			s.Org = k.org.id
		}
		if len(k.uses) > 0 {
			s.UsedAt = k.uses[len(k.uses)-1].at
		}
		list = append(list, s)
	}
	return list
}

// KeyValue gives the value of a key by its id, to be compared and never
// printed.
func (n *Neon) KeyValue(id string) (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := slices.IndexFunc(n.keys, func(k *key) bool { return strconv.FormatInt(k.id, 10) == id })
	if i < 0 {
		return "", false
	}
	return n.keys[i].value, true
}

// KeyAccepted reports whether Neon takes the value now, for whatever it may do.
func (n *Neon) KeyAccepted(value string) bool { return n.KeyAcceptedAt(value, n.now()) }

// KeyAcceptedAt reports whether Neon took the value at an instant.
func (n *Neon) KeyAcceptedAt(value string, at time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.find(value, at) != nil
}

// BranchState is what is so about a branch.
type BranchState struct {
	ID, Name  string
	Ready     bool
	CreatedAt time.Time
}

// Branches lists a project's branches, the default one first.
func (n *Neon) Branches(project string) []BranchState {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle(context.Background())
	var list []BranchState
	if p := n.project(project); p != nil {
		for _, b := range p.branches {
			list = append(list, BranchState{ID: b.id, Name: b.name, Ready: !b.changing, CreatedAt: b.createdAt})
		}
	}
	return list
}

// Roles lists the names of a branch's roles as the API would, oldest first.
func (n *Neon) Roles(project, branch string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for _, r := range n.mustBranch(project, branch).roles {
		list = append(list, r.name)
	}
	return list
}

// RolePassword gives the password that Neon stores for a role, to be compared
// and never printed. It may not have reached the branch's server yet.
func (n *Neon) RolePassword(project, branch, role string) (string, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.mustBranch(project, branch).role(role)
	if r == nil {
		return "", false
	}
	return r.password, true
}

// Login opens a session at a branch whose server is a Memory, with what the
// server has taken by now. It fails where the branch has no compute.
func (n *Neon) Login(project, branch, role, password string) (*Session, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle(context.Background())
	b := n.mustBranch(project, branch)
	m, ok := b.server.(*Memory)
	if !ok || b.endpoint == nil {
		return nil, false
	}
	return m.Login(role, password)
}

// OperationState is what is so about an operation.
type OperationState struct{ Action, Branch, Status, Error string }

// Operations lists a project's operations, oldest first.
func (n *Neon) Operations(project string) []OperationState {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle(context.Background())
	var list []OperationState
	if p := n.project(project); p != nil {
		for _, o := range p.operations {
			list = append(list, OperationState{o.action, o.branch, o.status(n.now()), o.fails})
		}
	}
	return list
}

// Issued gives every credential that was made here, as the strings that a leak
// search looks for.
func (n *Neon) Issued() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.issued)
}
