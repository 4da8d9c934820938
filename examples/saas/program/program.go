// Package program runs the SaaS's two programs: it listens, serves until it is
// told to stop, and ends what is under way.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/examples/saas/platform"
)

// The programs.
const (
	ControlPlane = "control-plane"
	Platform     = "tenant-platform"
)

// Names lists them.
func Names() []string { return []string{ControlPlane, Platform} }

// Deps are the ways out of a program. The zero Deps are the machine's own,
// without Redis.
type Deps struct {
	Now  func() time.Time
	HTTP *http.Client
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Log  *slog.Logger
	// Redis is how tenants' platforms reach Redis (package platform/redis). Nil is
	// platforms without one.
	Redis platform.OpenRedis
}

// drain is how long requests under way have, once a program is told to stop:
// less than the 5 s after which Fly kills it.
const drain = 4 * time.Second

// server is what both programs are.
type server interface {
	http.Handler
	io.Closer
}

// Run runs a program with an environment until ctx is over. It fails where the
// program must not start.
func Run(ctx context.Context, name string, getenv func(string) string, d Deps) error {
	s, port, err := start(ctx, name, getenv, d)
	if err != nil {
		return err
	}
	err = serve(ctx, s, port, d.Log)
	return errors.Join(err, s.Close())
}

func start(ctx context.Context, name string, getenv func(string) string, d Deps) (server, string, error) {
	switch name {
	case ControlPlane:
		c, err := controlplane.ConfigFromEnv(getenv)
		if err != nil {
			return nil, "", err
		}
		s, err := controlplane.New(ctx, c, controlplane.Deps{Now: d.Now, HTTP: d.HTTP, Dial: d.Dial, Log: d.Log})
		return s, c.Port, err
	case Platform:
		c, err := platform.ConfigFromEnv(getenv)
		if err != nil {
			return nil, "", err
		}
		s, err := platform.New(ctx, c, platform.Deps{Now: d.Now, HTTP: d.HTTP, Dial: d.Dial, Log: d.Log, Redis: d.Redis})
		return s, c.Port, err
	default:
		return nil, "", fmt.Errorf("there is no program %q: it is %s or %s", name, ControlPlane, Platform)
	}
}

// serve serves on a port of every address, as Fly's proxy wants it.
func serve(ctx context.Context, h http.Handler, port string, log *slog.Logger) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("", port))
	if err != nil {
		return err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	log.Info("listening", "port", port)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping")
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err = srv.Shutdown(last)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
