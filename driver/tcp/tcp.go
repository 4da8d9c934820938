// Package tcp is the way out of drivers whose protocol is not HTTP. It opens
// the one connection of an act through driver.Env, knows how much of a request
// has left, ends what is under way when its context ends, and turns a lost
// connection into a driver.Error with the right effect.
package tcp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// errOnce refuses a second connection: a client library that reconnects by
// itself would repeat what it must not.
var errOnce = errors.New("an act has one connection")

// Dialer opens the connection of one act, once. It is safe for concurrent use.
type Dialer struct {
	ctx context.Context // of the act
	env driver.Env

	mu   sync.Mutex
	line *line
}

// NewDialer makes the dialer of one act, which ends with ctx.
func NewDialer(ctx context.Context, env driver.Env) *Dialer { return &Dialer{ctx: ctx, env: env} }

// Dial opens the connection. A second call is an error.
func (d *Dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.line != nil || d.env.Dial == nil {
		return nil, errOnce
	}
	d.line = &line{}
	if err := d.ctx.Err(); err != nil {
		return nil, err
	}
	c, err := d.env.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.line.Conn = c
	stop := context.AfterFunc(d.ctx, func() { _ = c.Close() }) // what waits on it is told by that
	d.line.unwatch = func() { stop() }
	return d.line, nil
}

// DialTLS is Dial with a TLS handshake; config nil is none.
func (d *Dialer) DialTLS(config *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.Dial(ctx, network, address)
		if err != nil || config == nil {
			return c, err
		}
		secure := tls.Client(c, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		return secure, nil
	}
}

// Sent gives how many bytes have left through the connection. A request of
// which none has left was not made.
func (d *Dialer) Sent() int64 {
	d.mu.Lock()
	l := d.line
	d.mu.Unlock()
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// Unmade reports whether the connection failed before anything of a request
// had left: the last one was not made.
func (d *Dialer) Unmade() bool {
	d.mu.Lock()
	l := d.line
	d.mu.Unlock()
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unmade
}

// Failure is the function Failure, for a request over this connection: when the
// connection itself has failed, that is the cause, whatever a library made of
// it.
func (d *Dialer) Failure(op, on string, lost bool, cause error) *driver.Error {
	d.mu.Lock()
	l := d.line
	d.mu.Unlock()
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.err != nil && !errors.As(cause, new(*tls.CertificateVerificationError)) && !errors.As(cause, new(tls.RecordHeaderError)) {
			cause = l.err
		}
	}
	return Failure(d.ctx, op, on, lost, cause)
}

// line counts what is written to a connection, and keeps how it failed.
type line struct {
	net.Conn
	unwatch func()

	mu     sync.Mutex
	sent   int64
	asked  bool  // something has left since the last answer
	unmade bool  // nothing has, and then a write failed
	err    error // the first of the connection's own
}

// Read reads.
func (l *line) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = l.asked && n == 0
	l.err = cmp.Or(l.err, err)
	return n, err
}

// Write writes, unless a write has failed before.
func (l *line) Write(b []byte) (int, error) {
	l.mu.Lock()
	err := l.err
	l.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := l.Conn.Write(b)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent += int64(n)
	l.asked = l.asked || n > 0
	l.unmade = l.unmade || err != nil && l.err == nil && !l.asked
	l.err = cmp.Or(l.err, err)
	return n, err
}

// Close ends the connection.
func (l *line) Close() error {
	l.unwatch()
	return l.Conn.Close()
}

// Address joins a host and a port.
func Address(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// Failure makes the error of a request that got no answer. lost says that it
// may have been done. The cause's own text is told only where it is known to
// hold nothing that was sent.
func Failure(ctx context.Context, op, on string, lost bool, cause error) *driver.Error {
	e := &driver.Error{Op: op, On: on, Kind: driver.Unavailable, Effect: pawl.EffectNone, Err: cause}
	if lost {
		e.Effect = pawl.EffectUnknown
	}
	var operation *net.OpError
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case ctx.Err() != nil:
		e.Err = ctx.Err()
	case errors.As(cause, &certificate):
		e.Kind, e.Err, e.Next = driver.Invalid, certificate, "give the server's certificate authority in ca, or check the host's name"
	case errors.As(cause, &record):
		e.Kind, e.Err, e.Why, e.Next = driver.Invalid, nil, "the server does not speak TLS", "turn TLS off for this connection, or on at the server"
	case errors.As(cause, &name):
		e.Err = name
	case errors.As(cause, &operation):
		e.Err = operation
	case cut(cause):
		e.Err, e.Why = nil, "the connection was lost"
	default:
		e.Kind, e.Err, e.Why = driver.Malformed, nil, "the answer makes no sense"
	}
	return e
}

// cut reports whether an error is that of a connection that was refused, lost
// or too slow, rather than of what was said over it.
func cut(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, errOnce)
}
