package keepers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/transit"
)

// openTransit finds server and token as the programs vault and bao do: each
// variable is looked for as BAO_… first, then as VAULT_….
func openTransit(path string, env Env) (*transit.Keeper, error) {
	i := strings.LastIndexByte(path, '/')
	if i < 1 {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "open the transit key", On: path, Why: "it is not MOUNT/KEY", Next: "transit:transit/pawl"}
	}
	if env.either("ADDR") == "" {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "open the transit key", On: path, Why: "neither VAULT_ADDR nor BAO_ADDR is set", Next: "export VAULT_ADDR=https://HOST:8200"}
	}
	client, err := env.trusting(env.either("CACERT"))
	if err != nil {
		return nil, err
	}
	return transit.New(transit.Config{Address: env.either("ADDR"), Namespace: env.either("NAMESPACE"), Mount: path[:i], Key: path[i+1:], Token: env.token, Client: client})
}

func (e Env) either(name string) string {
	if v := e.Getenv("BAO_" + name); v != "" {
		return v
	}
	return e.Getenv("VAULT_" + name)
}

// token reads the token anew for each call: of a variable, of the file that
// TOKEN_FILE names, to which an agent may write, or of ~/.vault-token.
func (e Env) token(context.Context) (string, error) {
	if t := e.either("TOKEN"); t != "" {
		return t, nil
	}
	path := e.either("TOKEN_FILE")
	if path == "" {
		path = filepath.Join(e.Getenv("HOME"), ".vault-token")
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	defer clear(b)
	token := strings.TrimSpace(string(b))
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", errors.New(path + " does not have one token")
	}
	return token, nil
}

// trusting gives a client that trusts the certificates of a file and no others.
// No path gives the client of the environment.
func (e Env) trusting(path string) (*http.Client, error) {
	if path == "" || e.Client != nil {
		return e.Client, nil
	}
	pem, err := os.ReadFile(path)
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(pem) {
		err = errors.New("there is no certificate in it")
	}
	if err != nil {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "read the server's certificates", On: path, Err: err, Next: "correct VAULT_CACERT"}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: t, Timeout: timeout}, nil
}
