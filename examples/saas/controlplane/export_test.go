package controlplane

import (
	"context"
	"net"
)

// OpenSQL opens a database as New does.
func OpenSQL(ctx context.Context, address string, dial func(ctx context.Context, network, address string) (net.Conn, error)) (interface {
	Store
	Close() error
}, error) {
	return openSQL(ctx, address, dial)
}
