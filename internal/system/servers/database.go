package servers

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// Roles that examples/runbook takes for granted at the control plane's database.
const (
	dbAdmin = "pawl"           // pawl's own
	dbOwner = "molecule_owner" // owns the tables
)

// branchDomain is where tenants' branches are reached.
const branchDomain = ".us-east-2.aws.neon.tech"

// databases is what is behind Neon: one PostgreSQL for all branches, and before
// it the proxy that clients reach, which knows by the name that TLS asks for
// which branch is meant.
type databases struct {
	server    *postgres.Server
	console   *postgres.Console // of the superuser, at the server's first database
	own       tls.Certificate
	authority string // PEM
	relay     *relay
	admin     string // the password of dbAdmin
}

func startDatabases(ctx context.Context) (d *databases, err error) {
	d = &databases{admin: vendorsim.Credential(rand.Reader, "pgadm_", 24)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.own, d.authority, err = vendorsim.Certificate(time.Now(), saas.DatabaseHost, "*"+branchDomain); err != nil {
		return d, err
	}
	if d.server, err = postgres.Start(ctx, postgres.Options{}); err != nil {
		return d, err
	}
	if d.console, err = d.server.Open(ctx, "postgres"); err != nil {
		return d, err
	}
	for _, sql := range []string{
		fmt.Sprintf(`CREATE ROLE %[1]s LOGIN CREATEROLE PASSWORD '%[2]s'; CREATE ROLE %[3]s ADMIN %[1]s`, dbAdmin, d.admin, dbOwner),
		fmt.Sprintf(`CREATE DATABASE %s OWNER %s`, saas.Database, dbOwner),
	} {
		if err := d.console.Exec(ctx, sql); err != nil {
			return d, err
		}
	}
	d.relay, err = newRelay(d.carry)
	return d, err
}

// of gives the database of a branch. Those of tenants share the server: the
// names of their roles and databases have the branch behind them.
func (d *databases) of(project, branch string) neon.Database {
	if project == saas.DatabaseProject {
		return &ownBranch{neon.SQL(d.console), d.console}
	}
	return &branchDatabase{Database: neon.SQL(d.console), console: d.console, branch: branch}
}

// ownBranch is the control plane's own branch. Its role owns nothing by itself:
// tables are the owner role's, as the estate's note on roles says.
type ownBranch struct {
	neon.Database
	console *postgres.Console
}

// Address is where the branch is reached.
func (b *ownBranch) Address() string { return saas.DatabaseHost }

func (b *ownBranch) CreateRole(ctx context.Context, name, password string, login bool) error {
	if err := b.Database.CreateRole(ctx, name, password, login); err != nil {
		return err
	}
	return b.console.Exec(ctx, fmt.Sprintf(`GRANT %[1]s TO %[2]s; GRANT %[2]s TO %[3]s WITH ADMIN OPTION; ALTER ROLE %[2]s SET role = %[1]s`, dbOwner, name, dbAdmin))
}

// branchDatabase is a tenant's branch: neon.Database with the branch in names.
type branchDatabase struct {
	neon.Database
	console *postgres.Console
	branch  string
}

func (b *branchDatabase) name(of string) string { return of + "@" + b.branch }

// Address is where the branch is reached.
func (b *branchDatabase) Address() string { return b.branch + branchDomain }

func (b *branchDatabase) CreateRole(ctx context.Context, name, password string, login bool) error {
	if err := b.Database.CreateRole(ctx, b.name(name), password, login); err != nil {
		return err
	}
	return b.console.Exec(ctx, fmt.Sprintf(`CREATE DATABASE "%s" OWNER "%s"`, b.name(tenantDatabase), b.name(name)))
}

func (b *branchDatabase) SetPassword(ctx context.Context, name, password string) error {
	return b.Database.SetPassword(ctx, b.name(name), password)
}

func (b *branchDatabase) DropRole(ctx context.Context, name, heir string) error {
	if heir != "" {
		heir = b.name(heir)
	}
	return b.Database.DropRole(ctx, b.name(name), heir)
}

// tenantDatabase is the one database of a tenant's branch (Neon's default).
const tenantDatabase = "neondb"

// sslRequest is what a client sends to ask for TLS ("Message Formats" in
// PostgreSQL's documentation of its protocol).
const sslRequest = "\x00\x00\x00\x08\x04\xd2\x16\x2f"

// carry takes a client to the server. One that does not ask for TLS is hung up
// on, as Neon does.
func (d *databases) carry(ctx context.Context, client net.Conn) error {
	asked := make([]byte, len(sslRequest))
	if _, err := io.ReadFull(client, asked); err != nil || string(asked) != sslRequest {
		return errors.New("the client does not ask for TLS")
	}
	if _, err := client.Write([]byte("S")); err != nil {
		return err
	}
	secure := tls.Server(client, &tls.Config{Certificates: []tls.Certificate{d.own}, MinVersion: tls.VersionTLS12})
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	startup, err := readStartup(secure)
	if err != nil {
		return err
	}
	if branch, ok := strings.CutSuffix(secure.ConnectionState().ServerName, branchDomain); ok {
		startup = startup.at(branch)
	}
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", d.server.Addr())
	if err != nil {
		return err
	}
	if _, err := server.Write(startup.bytes()); err != nil {
		return errors.Join(err, server.Close())
	}
	return join(secure, server)
}

// startup is the message that begins a session: a version, or a request's code,
// and parameters.
type startup struct {
	version uint32
	rest    []byte
}

// maxStartup is the longest that PostgreSQL takes (MAX_STARTUP_PACKET_LENGTH).
const maxStartup = 10000

// startsSession is version 3 of the protocol, in its upper half.
const startsSession = 3

func readStartup(r io.Reader) (startup, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return startup{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 8 || n > maxStartup {
		return startup{}, errors.New("the client's first message is none")
	}
	s := startup{binary.BigEndian.Uint32(head[4:]), make([]byte, n-8)}
	_, err := io.ReadFull(r, s.rest)
	return s, err
}

// at is the message for a branch: its user and database have the branch behind
// their names. What starts no session is passed on.
func (s startup) at(branch string) startup {
	if s.version>>16 != startsSession {
		return s
	}
	var out []byte
	fields := bytes.Split(bytes.TrimRight(s.rest, "\x00"), []byte{0})
	for i := 0; i+1 < len(fields); i += 2 {
		key, value := string(fields[i]), string(fields[i+1])
		if key == "user" || key == "database" {
			value += "@" + branch
		}
		out = append(out, key+"\x00"+value+"\x00"...)
	}
	return startup{s.version, append(out, 0)}
}

func (s startup) bytes() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(s.rest)))
	return append(binary.BigEndian.AppendUint32(b, s.version), s.rest...)
}

func (d *databases) close() error {
	var err error
	if d.relay != nil {
		err = errors.Join(err, d.relay.close())
	}
	if d.console != nil {
		err = errors.Join(err, d.console.Close())
	}
	if d.server != nil {
		err = errors.Join(err, d.server.Close())
	}
	return err
}
