package file

import (
	"context"
	"os"
	"path/filepath"

	"github.com/pawlhq/pawl/driver"
)

// Probe tries, without writing, what a Put would need: reading the file,
// replacing it in its folder, and editing its field.
func (c *conn) Probe(ctx context.Context, g driver.Target) ([]driver.Grant, error) {
	if g.Kind == "" {
		return nil, ctx.Err()
	}
	if g.Kind == kindLog {
		return c.mayFollow(ctx, g)
	}
	t, err := c.target("probe field", g)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, t.failure(err)
	}
	doc, there, err := c.read(t.path)
	defer clear(doc)
	read := driver.Grant{Need: "read " + t.path, Has: driver.Yes}
	if err != nil {
		read.Has, read.Detail = driver.No, why(err)
		return []driver.Grant{read}, nil
	}
	if !there {
		read.Detail = "it is not there yet and will be made"
	}
	return []driver.Grant{read, c.mayReplace(t, there), t.mayEdit(doc)}, nil
}

func (c *conn) mayReplace(t target, there bool) driver.Grant {
	g := driver.Grant{Need: "replace " + t.path + " in its folder", Has: driver.Yes}
	real, err := resolve(t.path)
	if err == nil {
		err = mayWrite(filepath.Dir(real))
	}
	if err == nil && there {
		err = replaceable(real)
	}
	if err != nil {
		g.Has, g.Detail = driver.No, why(err)
	}
	return g
}

func replaceable(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case links(info) > 1:
		return errLinked
	case !mayGive(info):
		return errOwner
	default:
		return nil
	}
}

// mayEdit edits a copy in memory and throws it away.
func (t target) mayEdit(doc []byte) driver.Grant {
	g := driver.Grant{Need: "edit " + t.shown, Has: driver.Yes}
	next, err := t.set(doc, []byte("pawl"))
	clear(next)
	if err != nil {
		g.Has, g.Detail = driver.No, why(err)
	}
	return g
}

func why(err error) string {
	_, text, _ := reason(err)
	return text
}
