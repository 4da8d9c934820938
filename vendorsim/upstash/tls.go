package upstash

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// validFor is how long before and after its making the certificate is valid,
// so that virtual time may go on.
const validFor = 10 * 365 * 24 * time.Hour

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
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Upstash's stand-in"}, DNSNames: []string{"*" + domain},
		NotBefore: u.now().Add(-validFor), NotAfter: u.now().Add(validFor), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return certificate{}, err
	}
	u.cert = certificate{own: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
	return u.cert, nil
}
