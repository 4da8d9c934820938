package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"encoding/pem"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
)

func env() driver.Env { return driver.Env{Dial: (&net.Dialer{}).DialContext} }

// listen gives the address of a server that answers nothing.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func TestOneConnectionAndWhatItSent(t *testing.T) {
	d := tcp.NewDialer(t.Context(), env())
	c, err := d.Dial(t.Context(), "tcp", listen(t))
	if err != nil {
		t.Fatal(err)
	}
	if d.Sent() != 0 {
		t.Error("something was sent before anything was written")
	}
	if _, err := c.Write([]byte("hello")); err != nil || d.Sent() != 5 {
		t.Errorf("%d bytes were sent (%v), want 5", d.Sent(), err)
	}
	if _, err := d.Dial(t.Context(), "tcp", listen(t)); err == nil {
		t.Error("there is a second connection")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Write([]byte("more")); err == nil || d.Sent() != 5 {
			t.Errorf("a closed connection has sent %d bytes", d.Sent())
		}
	}
}

// TestUnmadeRequestsAreTold: a connection that fails between two requests has
// not made the second; one that fails within a request may have.
func TestUnmadeRequestsAreTold(t *testing.T) {
	for _, c := range []struct {
		name     string
		answered bool
		want     bool
	}{{"after an answer", true, true}, {"before the answer", false, false}} {
		t.Run(c.name, func(t *testing.T) {
			near, far := net.Pipe()
			d := tcp.NewDialer(t.Context(), driver.Env{Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }})
			line, err := d.Dial(t.Context(), "tcp", "")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				defer far.Close()
				if _, err := far.Read(make([]byte, 1)); err == nil && c.answered {
					_, _ = far.Write([]byte("y"))
				}
			}()
			if _, err := line.Write([]byte("x")); err != nil || d.Unmade() {
				t.Fatalf("a request that was made: %v, unmade %v", err, d.Unmade())
			}
			if c.answered {
				if _, err := line.Read(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
			}
			_ = near.Close()
			if _, err := line.Write([]byte("x")); err == nil || d.Unmade() != c.want {
				t.Errorf("%v, unmade %v, want %v", err, d.Unmade(), c.want)
			}
			_ = line.Close()
			if _, err := line.Write([]byte("x")); err == nil || d.Unmade() != c.want {
				t.Errorf("later: %v, unmade %v, want %v", err, d.Unmade(), c.want)
			}
		})
	}
}

func TestContextEndsTheConnection(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := tcp.NewDialer(ctx, env())
	c, err := d.Dial(t.Context(), "tcp", listen(t))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	cancel()
	if err := <-ended; err == nil {
		t.Error("reading went well")
	}
	if e := d.Failure("op", "on", true, errors.New("whatever")); !errors.Is(e, context.Canceled) || e.Effect != pawl.EffectUnknown || e.Kind != driver.Unavailable {
		t.Errorf("the failure is %v", e)
	}
}

func TestFailure(t *testing.T) {
	for _, c := range []struct {
		cause error
		kind  driver.ErrorKind
	}{
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, driver.Unavailable},
		{&net.DNSError{Err: "no such host", Name: "db"}, driver.Unavailable},
		{net.ErrClosed, driver.Unavailable},
		{errors.New("secret bytes of a strange answer"), driver.Malformed},
	} {
		e := tcp.Failure(t.Context(), "op", "on", false, c.cause)
		if e.Kind != c.kind || e.Effect != pawl.EffectNone {
			t.Errorf("%v: %v, want %s without effect", c.cause, e, c.kind)
		}
		if c.kind == driver.Malformed && e.Err != nil {
			t.Errorf("an unknown text is told: %v", e)
		}
	}
}

// TestModes tries each TLS mode at a server whose certificate is for
// example.com and signed by nobody known.
func TestModes(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	for _, c := range []struct {
		mode, host, ca string
		works          bool
	}{
		{tcp.Require, "db", "", true},
		{tcp.VerifyCA, "db", "", false},
		{tcp.VerifyCA, "db", ca, true},
		{tcp.VerifyFull, "db", ca, false},
		{tcp.VerifyFull, "example.com", "", false},
		{tcp.VerifyFull, "example.com", ca, true},
	} {
		config, err := tcp.Config(c.mode, c.host, c.ca, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		d := tcp.NewDialer(t.Context(), env())
		conn, err := d.DialTLS(config)(t.Context(), "tcp", u.Host)
		if (err == nil) != c.works {
			t.Errorf("%s of %s: %v, want success %v", c.mode, c.host, err, c.works)
		}
		if err == nil {
			_ = conn.Close()
		} else if e := d.Failure("op", "on", false, err); e.Kind != driver.Invalid || e.Next == "" {
			t.Errorf("%s: the failure is %v", c.mode, e)
		}
	}
	if config, err := tcp.Config(tcp.Disable, "", "", time.Now); config != nil || err != nil {
		t.Errorf("without TLS there is %v (%v)", config, err)
	}
	for _, bad := range [][2]string{{"prefer", ""}, {tcp.VerifyFull, "no certificate"}} {
		if _, err := tcp.Config(bad[0], "db", bad[1], time.Now); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

func TestPlainServerIsTold(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, _ := strconv.Atoi(u.Port())
	d := tcp.NewDialer(t.Context(), env())
	if _, err = d.DialTLS(&tls.Config{InsecureSkipVerify: true})(t.Context(), "tcp", tcp.Address("127.0.0.1", port)); err == nil {
		t.Fatal("there is TLS")
	}
	if e := d.Failure("op", "on", false, err); e.Kind != driver.Invalid || e.Why != "the server does not speak TLS" {
		t.Errorf("the failure is %v", e)
	}
}
