package saas

import (
	"fmt"
	"sync"
)

// Rows keeps the table org_instances: for each tenant its two URLs, encrypted.
// It is safe for concurrent use.
type Rows interface {
	// Put inserts a tenant's row, or replaces what it has.
	Put(id, name string, r Row) error
	// Get gives a tenant's row; it fails when there is none.
	Get(id string) (Row, error)
	Remove(id string) error
}

// Row is what a tenant's row holds, as it is stored.
type Row struct{ DatabaseURL, RedisURL []byte }

// The names that values are bound to.
const (
	Table          = "org_instances"
	ColumnDatabase = "database_url"
	ColumnRedis    = "redis_url"
)

// memory keeps rows in this process.
type memory struct {
	mu   sync.Mutex
	rows map[string]Row
}

func (m *memory) Put(id, _ string, r Row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[id] = r
	return nil
}

func (m *memory) Get(id string) (Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.rows[id]
	if !ok {
		return Row{}, fmt.Errorf("saas: there is no row %s", id)
	}
	return r, nil
}

func (m *memory) Remove(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rows, id)
	return nil
}
