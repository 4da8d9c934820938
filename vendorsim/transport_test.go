package vendorsim_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim"
)

func TestTransportTellsWhetherTheRequestWasWritten(t *testing.T) {
	for kind, want := range map[vendorsim.Kind]bool{vendorsim.Before: false, vendorsim.AfterLost: true, vendorsim.Status: true, vendorsim.Garbage: true} {
		var f vendorsim.Faults
		f.Add(vendorsim.Rule{Kind: kind})
		wrote := false
		trace := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { wrote = true }}
		rt := vendorsim.Transport(map[string]http.Handler{"api.example.com": f.Wrap(&vendor{})})
		send(rt, post("https://api.example.com/").WithContext(httptrace.WithClientTrace(t.Context(), trace)))
		if wrote != want {
			t.Errorf("%s: written is %v, want %v", kind, wrote, want)
		}
	}
}

func TestTransportRefusesWhatCannotArrive(t *testing.T) {
	v := &vendor{}
	rt := vendorsim.Transport(map[string]http.Handler{"api.example.com": v})
	t.Run("a host that is not there", func(t *testing.T) {
		var dns *net.DNSError
		if got := send(rt, post("https://other.example.com/")); !errors.As(got.err, &dns) || !dns.IsNotFound || dns.Name != "other.example.com" {
			t.Errorf("got %v, want a failed look-up", got.err)
		}
	})
	t.Run("a call that was cancelled before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := send(rt, post("https://api.example.com/").WithContext(ctx)); !errors.Is(got.err, context.Canceled) {
			t.Errorf("got %v", got.err)
		}
	})
	if n := v.acts.Load(); n != 0 {
		t.Errorf("the vendor acted %d times", n)
	}
}

type body struct {
	io.Reader
	closed bool
}

func (b *body) Close() error { b.closed = true; return nil }

func TestTransportHandsTheRequestOverAsAServerGetsIt(t *testing.T) {
	var got *http.Request
	var read []byte
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		read, _ = io.ReadAll(r.Body)
		r.Header.Set("X-Changed", "no effect on the answer's headers")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Late", "too late")
	})
	b := &body{Reader: strings.NewReader("sent")}
	r := post("https://api.example.com/a%2Fb?q=1")
	r.Body, r.Host = b, ""
	answer := send(vendorsim.Transport(map[string]http.Handler{"api.example.com": h}), r)
	if string(read) != "sent" || !b.closed || got.ContentLength != 4 {
		t.Errorf("the body arrived as %q with length %d, closed %v", read, got.ContentLength, b.closed)
	}
	if got.Host != "api.example.com" || got.RequestURI != "/a%2Fb?q=1" || got.URL.EscapedPath() != "/a%2Fb" {
		t.Errorf("arrived as %q %q %q", got.Host, got.RequestURI, got.URL.EscapedPath())
	}
	if r.RequestURI != "" || r.Host != "" || r.Body != b {
		t.Error("the caller's request was changed")
	}
	if answer.code != http.StatusTeapot || answer.header.Get("X-Late") != "" {
		t.Errorf("got %+v, want what was so at WriteHeader", answer)
	}
}

func TestTransportDoesNotHideAMistakeOfAHandler(t *testing.T) {
	defer func() {
		if p := recover(); p != "mistake" {
			t.Errorf("recovered %v, want the handler's panic", p)
		}
	}()
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("mistake") })
	send(vendorsim.Transport(map[string]http.Handler{"api.example.com": h}), post("https://api.example.com/"))
}

func TestListenIsReachableFromThisMachineAlone(t *testing.T) {
	s, err := vendorsim.Listen(&vendor{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "http" || u.Hostname() != "127.0.0.1" {
		t.Fatalf("it listens at %s (%v)", s.URL, err)
	}
	if got := send(&http.Transport{}, post(s.URL+"/")); got.code != 200 {
		t.Fatalf("on loopback: %+v", got)
	}
	for _, ip := range otherAddresses(t) {
		if c, err := net.Dial("tcp", net.JoinHostPort(ip, u.Port())); err == nil {
			c.Close()
			t.Errorf("it can be reached at %s", ip)
		}
	}
}

// otherAddresses are this machine's addresses that are not 127.0.0.1. The last
// is loopback too, but a listener on all addresses would answer there.
func otherAddresses(t *testing.T) []string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	list := []string{"::1", "127.0.0.2"}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			list = append(list, n.IP.String())
		}
	}
	return list
}

func TestCloseCutsWhatIsUnderWay(t *testing.T) {
	arrived := make(chan struct{})
	s, err := vendorsim.Listen(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
	}))
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() { failed <- send(&http.Transport{}, post(s.URL+"/")).err }()
	<-arrived
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-failed; err == nil {
		t.Error("the call under way was answered")
	}
}

func TestCredentialsCarryTheCanaryAndFollowTheirSource(t *testing.T) {
	same := func() io.Reader { return bytes.NewReader(bytes.Repeat([]byte{7, 70, 200}, 20)) }
	a, b := vendorsim.Credential(same(), "sk_", 12), vendorsim.Credential(same(), "sk_", 12)
	if a != b || !strings.HasPrefix(a, "sk_"+vendorsim.Canary) || len(a) != len("sk_"+vendorsim.Canary)+12 {
		t.Errorf("made %q and %q", a, b)
	}
	if c := vendorsim.Credential(bytes.NewReader(make([]byte, 60)), "sk_", 12); c == a {
		t.Error("another source made the same credential")
	}
	defer func() {
		if recover() == nil {
			t.Error("a source that is dry made a credential")
		}
	}()
	vendorsim.Credential(bytes.NewReader(nil), "sk_", 12)
}
