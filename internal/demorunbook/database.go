package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// database is the control plane's PostgreSQL, behind the TLS that Neon has.
type database struct {
	server    *postgres.Server
	admin     string // the password of pawl's own role
	own       tls.Certificate
	authority string // PEM
	rows      *rows

	mu    sync.Mutex
	super *pgconn.PgConn
}

// newDatabase makes the roles that the estate takes for granted: pawl's own,
// which makes logins, and the one that owns the tables; and the control
// plane's database with its table.
func newDatabase(ctx context.Context, server *postgres.Server) (*database, error) {
	d := &database{server: server, admin: vendorsim.Credential(rand.Reader, "pgadm_", 24)}
	var err error
	if d.own, d.authority, err = vendorsim.Certificate(time.Now(), saas.DatabaseHost); err != nil {
		return nil, err
	}
	if d.super, err = pgconn.Connect(ctx, server.DSN("postgres")); err != nil {
		return nil, err
	}
	if err = d.Exec(ctx, fmt.Sprintf(`CREATE ROLE %[1]s LOGIN CREATEROLE PASSWORD '%[2]s'; CREATE ROLE %[3]s ADMIN %[1]s`, dbAdmin, d.admin, dbOwner)); err != nil {
		return nil, err
	}
	if err = d.Exec(ctx, fmt.Sprintf(`CREATE DATABASE %s OWNER %s`, saas.Database, dbOwner)); err != nil {
		return nil, err
	}
	d.rows, err = newRows(ctx, server.DSN(saas.Database))
	return d, err
}

// share has the first login own nothing by itself: the database and its table
// are the owner role's, as the estate's note on roles says.
func (d *database) share(ctx context.Context, first string) error {
	return d.Exec(ctx, fmt.Sprintf(`GRANT %s TO %s; GRANT %s TO %s WITH ADMIN OPTION`, dbOwner, first, first, dbAdmin))
}

// Exec runs a statement as the superuser, as Neon's control plane does.
func (d *database) Exec(ctx context.Context, sql string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.super.Exec(ctx, sql).Close()
}

// login logs in as the control plane does.
func (d *database) login(raw string) error {
	address, err := d.address(raw)
	if err != nil {
		return err
	}
	c, err := pgconn.Connect(context.Background(), address)
	if err != nil {
		return errors.New("the login fails")
	}
	return c.Close(context.Background())
}

// address is a DATABASE_URL at the server's real address.
func (d *database) address(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return "", errors.New("DATABASE_URL is no URL")
	}
	u.RawQuery, u.Host = "sslmode=disable", d.server.Addr()
	return u.String(), nil
}

// sslRequest is what a client sends to ask for TLS ("Message Formats" in
// PostgreSQL's documentation of its protocol).
const sslRequest = "\x00\x00\x00\x08\x04\xd2\x16\x2f"

// dial gives a line to the server, with TLS in front of it.
func (d *database) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	server, err := dialer.DialContext(ctx, "tcp", d.server.Addr())
	if err != nil {
		return nil, err
	}
	client, line, err := pair(ctx)
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	go d.carry(line, server)
	return client, nil
}

// pair gives the two ends of a connection. A pipe in memory would not do: it
// holds nothing, and two sides that write at once wait for each other.
func pair(ctx context.Context) (net.Conn, net.Conn, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = l.Close() }() // both ends are there by then, or the error is told
	var dialer net.Dialer
	client, err := dialer.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	line, err := l.Accept()
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	return client, line, nil
}

// carry takes bytes both ways until one side ends. A client that does not ask
// for TLS is hung up on, as Neon does.
func (d *database) carry(line, server net.Conn) {
	defer func() { _ = errors.Join(line.Close(), server.Close()) }() // it has ended already
	asked := make([]byte, len(sslRequest))
	if _, err := io.ReadFull(line, asked); err != nil || string(asked) != sslRequest {
		return
	}
	if _, err := line.Write([]byte("S")); err != nil {
		return
	}
	secure := tls.Server(line, &tls.Config{Certificates: []tls.Certificate{d.own}, MinVersion: tls.VersionTLS12})
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{secure, server}, {server, secure}} {
		go func() {
			_, _ = io.Copy(way[0], way[1]) // how it ended shows at the client
			ended <- struct{}{}
		}()
	}
	<-ended
}
