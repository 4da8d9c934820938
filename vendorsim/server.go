package vendorsim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Server is a handler on a free port of 127.0.0.1.
type Server struct {
	// URL is where it listens, for example "http://127.0.0.1:40123".
	URL string

	http *http.Server
	done chan error
}

// Listen starts a server. Nobody but this machine can reach it.
func Listen(h http.Handler) (*Server, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("vendorsim: listen on loopback: %w", err)
	}
	s := &Server{URL: "http://" + l.Addr().String(), done: make(chan error, 1),
		http: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// Close stops the server and cuts what is under way. It is called once.
func (s *Server) Close() error {
	err := s.http.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
