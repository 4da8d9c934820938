package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/pawlhq/pawl/examples/saas/tenant"
)

// rowLimit bounds how long the control plane is waited for.
const rowLimit = 5 * time.Second

// errSealed means that the row came and no key of this program opens it.
var errSealed = errors.New("the row of org_instances does not open with " + tenant.EnvAccepts)

// row is the tenant's row at the control plane, as it was last read. It is safe
// for concurrent use.
type row struct {
	http             *http.Client
	base, token, org string
	box              *tenant.Box

	turn chan struct{} // holds one: who puts it in reads the row for all that wait

	mu   sync.Mutex // guards what follows
	last reading
}

// reading is what a row had when it was read.
type reading struct {
	tenant.Secrets
	n   int   // counts the attempts to read; 0 is never
	ok  bool  // one has succeeded, and Secrets are what it gave
	err error // of the last one
}

// get gives the row, which is read if it never was.
func (r *row) get(ctx context.Context) (reading, error) {
	if last := r.known(); last.ok {
		return last, nil
	}
	return r.again(ctx, r.known())
}

// again gives a row that was read after seen was. Of many callers who have seen
// the same, one reads.
func (r *row) again(ctx context.Context, seen reading) (reading, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return r.known(), ctx.Err()
	}
	if last := r.known(); last.n != seen.n {
		return last, last.err
	}
	return r.fetch(ctx)
}

func (r *row) known() reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// fetch reads the row whatever is known of it. With an error it gives what was.
func (r *row) fetch(ctx context.Context) (reading, error) {
	secrets, err := r.ask(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last.n++
	r.last.err = err
	if err == nil {
		r.last.Secrets, r.last.ok = secrets, true
	}
	return r.last, err
}

func (r *row) ask(ctx context.Context) (tenant.Secrets, error) {
	const what = "read the row from the control plane"
	ctx, cancel := context.WithTimeout(ctx, rowLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/tenant/instance", nil)
	if err != nil {
		return tenant.Secrets{}, fmt.Errorf("%s: %w", what, err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	resp, err := r.http.Do(req)
	if err != nil {
		return tenant.Secrets{}, fmt.Errorf("%s: %w", what, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return tenant.Secrets{}, fmt.Errorf("%s: it answers HTTP %d", what, resp.StatusCode)
	}
	var got struct {
		ID string `json:"id"`
		tenant.Sealed
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxBody)).Decode(&got); err != nil || got.ID != r.org {
		return tenant.Secrets{}, fmt.Errorf("%s: what it answers is not the row %s", what, r.org)
	}
	secrets, err := r.box.Open(ctx, r.org, got.Sealed)
	if err != nil {
		return tenant.Secrets{}, fmt.Errorf("%w: %w", errSealed, err) // it names the column, and no value
	}
	return secrets, nil
}
