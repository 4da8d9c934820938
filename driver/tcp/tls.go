package tcp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"
)

// The TLS modes, which are those of PostgreSQL's sslmode that promise
// something (PostgreSQL's documentation, "SSL Support", table of modes).
const (
	Disable    = "disable"     // no TLS
	Require    = "require"     // TLS with whoever answers
	VerifyCA   = "verify-ca"   // the certificate is signed by a known authority
	VerifyFull = "verify-full" // and is for the host's name
)

// Modes lists the TLS modes.
func Modes() []string { return []string{Disable, Require, VerifyCA, VerifyFull} }

// Config makes the TLS configuration of a mode, nil for Disable. ca is the
// authorities' certificates as PEM, empty for the machine's own.
func Config(mode, host, ca string, now func() time.Time) (*tls.Config, error) {
	if mode == Disable {
		return nil, nil
	}
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, Time: now}
	if ca != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(ca)) {
			return nil, errors.New("ca has no certificate in PEM form")
		}
	}
	switch mode {
	case VerifyFull:
	case VerifyCA:
		config.InsecureSkipVerify = true // of the name; the chain is verified below
		config.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, config.RootCAs, now()) }
	case Require:
		config.InsecureSkipVerify = true // what the mode says
	default:
		return nil, errors.New("it is not a TLS mode")
	}
	return config, nil
}

func verifyChain(s tls.ConnectionState, roots *x509.CertPool, now time.Time) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server has no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now})
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}
