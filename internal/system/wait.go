package system

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// clockHost is where processes of the system ask for time to pass.
const clockHost = "clock.system"

// AskToWait has a system's time pass until an instant, from another of its
// processes.
func AskToWait(ctx context.Context, client *http.Client, until time.Time) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+clockHost+"/wait?until="+url.QueryEscape(until.Format(time.RFC3339Nano)), nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusNoContent {
		return errors.Join(err, fmt.Errorf("wait until %s: the clock answers %s", until.Format(time.RFC3339), resp.Status))
	}
	return nil
}

// serveClock answers AskToWait.
func (s *System) serveClock(w http.ResponseWriter, r *http.Request) {
	until, err := time.Parse(time.RFC3339Nano, r.URL.Query().Get("until"))
	if err == nil {
		err = s.Wait(r.Context(), until)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Wait lets time pass until an instant. It passes as it does while a program
// boots or stops, for a while at most: one that never gets well must not stop
// the clock. Then it is skipped, while no request is under way. Once a day the
// control plane is deployed.
func (s *System) Wait(ctx context.Context, until time.Time) error {
	for patience := time.Now().Add(patienceMost); s.Fly.Busy() && s.Clock.Now().Before(until) && time.Now().Before(patience); {
		if err := Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	s.waits.Lock()
	defer s.waits.Unlock()
	for ctx.Err() == nil && s.Clock.Now().Before(until) {
		to, deploys := until, !s.next.After(until)
		if deploys {
			to = s.next
		}
		if err := s.skip(to); err != nil {
			return err
		}
		if !deploys {
			break
		}
		s.next = s.next.Add(daily)
		if err := s.Deploy(ctx); err != nil {
			return fmt.Errorf("deploy the control plane: %w", err)
		}
	}
	return ctx.Err()
}

// patienceMost is how long one wait looks on while a program boots.
const patienceMost = 2 * time.Second

func (s *System) skip(to time.Time) error {
	s.Traffic.Lock()
	defer s.Traffic.Unlock()
	return s.Clock.Skip(to)
}

// Deploy boots the control plane's machines one after the other, as a
// deployment does: each must be well before the next.
func (s *System) Deploy(ctx context.Context) error {
	base := "https://" + fly.MachinesHost + "/v1/apps/" + saas.App + "/machines"
	b, err := s.Call(ctx, http.MethodGet, base, s.FlyAdmin, nil)
	if err != nil {
		return err
	}
	var list []struct {
		ID     string
		Config json.RawMessage
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	for _, m := range list {
		if _, err := s.Call(ctx, http.MethodPost, base+"/"+m.ID, s.FlyAdmin, map[string]any{"config": m.Config}); err != nil {
			return err
		}
		if err := s.boots(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Sleep lets real time pass. It fails where ctx is over before.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
