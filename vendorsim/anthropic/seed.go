package anthropic

import "time"

// The calls below are what people do in the Console. They panic on names that
// do not exist: a mistake of the program.

// AddWorkspace makes a workspace and gives its id.
func (a *Anthropic) AddWorkspace(name string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := &workspace{id: a.id("wrkspc_"), name: name, createdAt: a.now()}
	a.workspaces = append(a.workspaces, w)
	return w.id
}

// AddAdminKey makes a key for the Admin API and gives its value.
func (a *Anthropic) AddAdminKey() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	v := a.mint("sk-ant-admin01-")
	a.admins = append(a.admins, v)
	return v
}

// Key says what a person chooses when making a key.
type Key struct {
	Name      string
	Workspace string        // its id; "" is the organisation's default workspace
	Life      time.Duration // 0 is for ever
	Scoped    bool          // it may not use what it is tried at: 403
}

// CreateKey makes a key and gives its id and its value, which is not shown
// again.
func (a *Anthropic) CreateKey(want Key) (id, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := &key{id: a.id("apikey_"), name: want.Name, value: a.mint("sk-ant-api03-"), createdAt: a.now(), scoped: want.Scoped, status: Active, before: Active}
	if want.Workspace != "" {
		if k.workspace = a.workspace(want.Workspace); k.workspace == nil {
			panic("anthropic: no such workspace: " + want.Workspace)
		}
	}
	if want.Life > 0 {
		k.expiresAt = k.createdAt.Add(want.Life)
	}
	a.keys = append(a.keys, k)
	return k.id, k.value
}

// SetStatus changes a key in the Console.
func (a *Anthropic) SetStatus(id, status string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.key(id)
	if k == nil {
		panic("anthropic: no such key: " + id)
	}
	a.set(k, status)
}

// SetOverloaded has the Models and Messages APIs answer 529 to everybody, or
// no longer.
func (a *Anthropic) SetOverloaded(yes bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.overloaded = yes
}
