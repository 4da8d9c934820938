package servers

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// relay is a listener on loopback that takes each connection somewhere else.
type relay struct {
	listener net.Listener
	carry    func(ctx context.Context, client net.Conn) error
	stop     context.CancelFunc
	work     sync.WaitGroup
}

func newRelay(carry func(ctx context.Context, client net.Conn) error) (*relay, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &relay{listener: l, carry: carry, stop: stop}
	r.work.Go(func() { r.accept(ctx) })
	return r, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) accept(ctx context.Context) {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // it was closed
		}
		r.work.Go(func() {
			defer context.AfterFunc(ctx, func() { _ = client.Close() })()
			_ = r.carry(ctx, client) // how it ended shows at the client
			_ = client.Close()
		})
	}
}

func (r *relay) close() error {
	r.stop()
	err := r.listener.Close()
	r.work.Wait()
	return err
}

// join takes bytes both ways until one side ends, and closes both.
func join(a, b net.Conn) error {
	ended := make(chan error, 2)
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		go func() {
			_, err := io.Copy(way[0], way[1])
			ended <- err
		}()
	}
	err := <-ended
	closed := errors.Join(a.Close(), b.Close())
	<-ended
	return errors.Join(err, closed)
}
