package upstash

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/pawlhq/pawl/vendorsim"
)

// certificate is that of all hosts of databases. It is its own authority.
type certificate struct {
	own tls.Certificate
	pem string
}

// DialTLS is Dial with the TLS that Upstash has: clients must speak it.
func (u *Upstash) DialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	cert, err := u.certificate()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert.own}, MinVersion: tls.VersionTLS12, Time: u.cfg.Now}
	return u.connect(ctx, network, address, func(c net.Conn) net.Conn { return tls.Server(c, config) })
}

// Authority gives the certificate of the authority that DialTLS's hosts are
// certified by, in PEM form.
func (u *Upstash) Authority() (string, error) {
	cert, err := u.certificate()
	return cert.pem, err
}

// certificate makes the certificate when it is first asked for.
func (u *Upstash) certificate() (certificate, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.cert.pem != "" {
		return u.cert, nil
	}
	own, authority, err := vendorsim.Certificate(u.now(), "*"+domain)
	if err != nil {
		return certificate{}, err
	}
	u.cert = certificate{own: own, pem: authority}
	return u.cert, nil
}
