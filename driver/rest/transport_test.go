package rest_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
)

func sdk(t *testing.T, c *rest.Client, method, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: c.Transport()}).Do(req)
	if err == nil {
		t.Cleanup(func() { resp.Body.Close() })
	}
	return resp, err
}

func TestTransportCarriesTheCredential(t *testing.T) {
	f := &fake{answer: reply(422, `{"message":"bad `+canaryKey+`"}`)}
	c := client(f)
	resp, err := sdk(t, c, "POST", "https://acme.test/api/x")
	if err != nil {
		t.Fatal(err)
	}
	if f.seen[0].Header.Get("Authorization") != "Bearer "+canaryKey || f.seen[0].GetBody != nil {
		t.Error("the call went out without the credential, or so that it can be repeated")
	}
	if resp.Request.Header.Get("Authorization") != "" {
		t.Error("the credential is in the request that the SDK sees")
	}
	body, _ := io.ReadAll(resp.Body)
	e := failed(t, c.Error("put thing", "shelf", resp, body, false))
	if e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || e.Why != "bad [secret]" || e.Op != "put thing" {
		t.Errorf("got %v", e)
	}
}

func TestTransportKeepsToItsHost(t *testing.T) {
	for _, url := range []string{"https://other.test/api/x", "http://acme.test/api/x", "https://acme.test:8443/api/x"} {
		f := &fake{answer: reply(200, "{}")}
		_, err := sdk(t, client(f), "GET", url)
		var e *driver.Error
		if !errors.As(err, &e) || e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || len(f.seen) != 0 {
			t.Errorf("%s: got %v and %d calls", url, err, len(f.seen))
		}
	}
}

func TestTransportDoesNotFollow(t *testing.T) {
	for method, want := range map[string]pawl.Effect{"GET": pawl.EffectNone, "POST": pawl.EffectUnknown} {
		f := &fake{answer: reply(307, "", "Location", "https://acme.test/api/y")}
		_, err := sdk(t, client(f), method, "https://acme.test/api/x")
		var e *driver.Error
		if !errors.As(err, &e) || e.Kind != driver.Malformed || e.Effect != want || e.Status != 307 || len(f.seen) != 1 {
			t.Errorf("%s: got %v and %d calls", method, err, len(f.seen))
		}
	}
}

func TestTransportTellsEffects(t *testing.T) {
	f := &fake{answer: func(r *http.Request) (*http.Response, error) { wrote(r); return nil, io.ErrUnexpectedEOF }}
	_, err := sdk(t, client(f), "POST", "https://acme.test/api/x")
	var e *driver.Error
	if !errors.As(err, &e) || e.Effect != pawl.EffectUnknown || e.Kind != driver.Unavailable {
		t.Errorf("got %v", err)
	}
}
