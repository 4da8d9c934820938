package system

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim"
)

// front is one listener on loopback that answers for every host of a system,
// with TLS: programs reach their vendors by their real addresses.
type front struct {
	http      *http.Server
	address   string
	authority string // PEM; what clients must trust
	served    chan error
}

// newFront serves hosts. Names with a leading "*." stand for one label.
func newFront(now pawl.Clock, handle func(host string) http.Handler, names []string) (*front, error) {
	own, authority, err := vendorsim.Certificate(now(), names...)
	if err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &front{address: l.Addr().String(), authority: authority, served: make(chan error, 1)}
	f.http = &http.Server{ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0), // clients that are killed hang up in the middle
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", now().UTC().Format(http.TimeFormat)) // drivers learn a vendor's clock from it
			name, _, _ := strings.Cut(r.Host, ":")
			if h := handle(name); h != nil {
				h.ServeHTTP(w, r)
				return
			}
			http.Error(w, "no such host", http.StatusMisdirectedRequest)
		})}
	secure := tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	go func() { f.served <- f.http.Serve(secure) }()
	return f, nil
}

func (f *front) close() error {
	err := f.http.Close()
	if served := <-f.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// Network says where the hosts of a system really are, by name and port: "*" in
// front of a name stands for anything.
type Network map[string]string

// String is the network as JSON, for an environment.
func (n Network) String() string {
	b, err := json.Marshal(n)
	if err != nil {
		panic(err) // a map of texts has a JSON form
	}
	return string(b)
}

// ParseNetwork reads what String wrote.
func ParseNetwork(text string) (n Network, err error) {
	err = json.Unmarshal([]byte(text), &n)
	return n, err
}

// Dial reaches a host. What is on this machine is reached as it is; a host that
// is not of the system does not exist.
func (n Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	to, best := "", -1
	for name, at := range n {
		end, any := strings.CutPrefix(name, "*")
		if (address == name || any && strings.HasSuffix(address, end)) && len(end) > best {
			to, best = at, len(end)
		}
	}
	if host, _, err := net.SplitHostPort(address); err == nil && net.ParseIP(host).IsLoopback() {
		to = address
	}
	if to == "" {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}}
	}
	var d net.Dialer
	return d.DialContext(ctx, network, to)
}

// Client makes an HTTP client for the network that trusts what the process does.
// No limit of time is 0.
func (n Network) Client(timeout time.Duration) (*http.Client, error) { return n.client("", timeout) }

// client makes an HTTP client for the network that trusts some authorities.
// None trusts what the process does.
func (n Network) client(authorities string, timeout time.Duration) (*http.Client, error) {
	t := &http.Transport{DialContext: n.Dial, MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second}
	if authorities != "" {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(authorities)) {
			return nil, errors.New("the authorities are no certificates")
		}
		t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Timeout: timeout, Transport: t}, nil
}

// known lists what a front must have certificates for.
func known(hosts map[string]http.Handler, more ...string) []string {
	names := more
	for host := range hosts {
		names = append(names, host)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
