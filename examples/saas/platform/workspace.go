package platform

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// What a workspace's last call of the model, or its owner, has made of it.
const (
	statusRunning = "running"
	statusRefused = "refused" // the model does not know its key
	statusFailing = "failing" // the model did not answer, or there is no key
	statusPaused  = "paused"
)

// atOnce is how many workspaces of a platform start side by side.
const atOnce = 8

// whole is all of a workspace's gate.
const whole = 1 << 30

// workspace is a workspace of the tenant's. It is safe for concurrent use.
type workspace struct {
	id string

	// gate lets calls of the model in side by side and a restart alone: it
	// waits for those under way, and those that come wait for it.
	gate *semaphore.Weighted

	changing sync.Mutex // held while state is changed and stored
	state    atomic.Pointer[state]
}

// state is a workspace as it is now. It is never changed.
type state struct {
	status string
	booted string // the key that it works with; "" while it is paused
}

func newWorkspace(id string, st state) *workspace {
	w := &workspace{id: id, gate: semaphore.NewWeighted(whole)}
	w.state.Store(&st)
	return w
}

func (w *workspace) paused() bool { return w.state.Load().status == statusPaused }

// all gives the workspaces of now.
func (s *Server) all() []*workspace {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.workspaces[:len(s.workspaces):len(s.workspaces)]
}

// wake takes the workspaces over as the last end of the program left them. Those
// whose start it cut off are started: the secret that it was for is stored.
func (s *Server) wake(ctx context.Context) error {
	stored, err := s.store.Workspaces(ctx)
	if err != nil {
		return err
	}
	var behind []*workspace
	for _, v := range stored {
		booted, err := s.vault.openBooted(ctx, v)
		if err != nil {
			return err
		}
		want, err := s.inForce(ctx, v.ID, Key)
		if err != nil {
			return err
		}
		ws := newWorkspace(v.ID, state{v.Status, booted})
		s.workspaces = append(s.workspaces, ws)
		if !v.Paused && booted != want {
			behind = append(behind, ws)
		}
	}
	if len(behind) > 0 && s.begin() {
		go func() {
			defer s.under.Done()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestLimit)
			defer cancel()
			if _, err := s.restartAll(ctx, behind); err != nil {
				s.log.ErrorContext(ctx, "go on with a restart: "+err.Error())
			}
		}()
	}
	return nil
}

// restartAll restarts those workspaces that are not paused, some side by side,
// and counts them. One that cannot be restarted stops no other.
func (s *Server) restartAll(ctx context.Context, list []*workspace) (int, error) {
	var g errgroup.Group
	g.SetLimit(atOnce)
	var n atomic.Int64
	for _, ws := range list {
		g.Go(func() error {
			done, err := s.restart(ctx, ws)
			if done {
				n.Add(1)
			}
			return err
		})
	}
	err := g.Wait()
	return int(n.Load()), err
}

// restart starts a workspace anew when the calls that it has under way have
// ended, unless it is paused.
func (s *Server) restart(ctx context.Context, ws *workspace) (bool, error) {
	if err := ws.gate.Acquire(ctx, whole); err != nil {
		return false, err
	}
	defer ws.gate.Release(whole)
	if ws.paused() {
		return false, nil
	}
	err := s.boot(ctx, ws)
	return err == nil, err
}

// boot starts a workspace with the key that is in force for it, and makes its
// first call of the model. All of its gate is held.
func (s *Server) boot(ctx context.Context, ws *workspace) error {
	key, err := s.inForce(ctx, ws.id, Key)
	if err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	_, err = s.model.ask(call, key, "hello", 1)
	if ctx.Err() != nil {
		return ctx.Err() // the caller went away, and the workspace is as it was
	}
	status, line := outcome(err)
	if err := s.say(ctx, ws, line); err != nil {
		return err
	}
	return s.change(ctx, ws, state{status, key})
}

// outcome is what a call of the model makes of a workspace, and the line for
// its log.
func outcome(err error) (status, line string) {
	switch {
	case err == nil:
		return statusRunning, "started"
	case errors.Is(err, errUnauthorized):
		return statusRefused, err.Error()
	default:
		return statusFailing, err.Error()
	}
}

// change stores what a workspace is from now on.
func (s *Server) change(ctx context.Context, ws *workspace, st state) error {
	ws.changing.Lock()
	defer ws.changing.Unlock()
	sealed, err := s.vault.sealBooted(ctx, ws.id, st.booted)
	if err != nil {
		return err
	}
	if err := s.store.PutWorkspace(ctx, Workspace{ID: ws.id, Paused: st.status == statusPaused, Status: st.status, Booted: sealed}); err != nil {
		return err
	}
	ws.state.Store(&st)
	return nil
}

// say writes a line of a workspace to its log, and to the program's.
func (s *Server) say(ctx context.Context, ws *workspace, line string) error {
	line = ws.id + ": " + line
	s.log.InfoContext(ctx, line)
	return s.store.AddLine(ctx, Line{At: s.now().UTC(), Workspace: ws.id, Message: line})
}

// ask has a workspace answer a prompt. It waits for a restart that is under way,
// and a restart for it. A workspace that is paused gives errPaused.
func (s *Server) ask(ctx context.Context, ws *workspace, prompt string) (string, error) {
	if err := ws.gate.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer ws.gate.Release(1)
	st := *ws.state.Load()
	if st.status == statusPaused {
		return "", errPaused
	}
	call, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	text, err := s.model.ask(call, st.booted, prompt, answerTokens)
	if ctx.Err() != nil {
		return "", err // the caller went away: that says nothing of the workspace
	}
	return text, errors.Join(err, s.learn(ctx, ws, st, err))
}

// learn keeps what a call has shown of a workspace.
func (s *Server) learn(ctx context.Context, ws *workspace, was state, err error) error {
	status, line := outcome(err)
	if err != nil {
		if err := s.say(ctx, ws, line); err != nil {
			return err
		}
	}
	if ws.state.Load().status == status {
		return nil
	}
	return s.change(ctx, ws, state{status, was.booted})
}
