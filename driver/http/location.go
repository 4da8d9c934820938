package http

import (
	"context"
	"errors"
	"net/http"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

func isLocation(kind string) bool {
	return kind == kindPut || kind == kindWatched || kind == kindReadable
}

// Put makes the declared write.
func (c *conn) Put(ctx context.Context, w driver.Write) (driver.Receipt, error) {
	s := w.Target.Settings
	if !isLocation(w.Target.Kind) {
		return driver.Receipt{}, unsupported("put", w.Target.Kind)
	}
	q, err := ask("put", orElse(s.String("method"), http.MethodPut), s.String("path"), s)
	if err != nil {
		return driver.Receipt{}, err
	}
	if w.Value.Empty() {
		return driver.Receipt{}, invalid(q, "an empty value is never written")
	}
	body, err := estate.Render(s.String("body"), secret.One(w.Value), nil)
	if err != nil {
		return driver.Receipt{}, invalid(q, "body: "+err.Error())
	}
	if err := carry(&q, body, s.String("content_type")); err != nil {
		return driver.Receipt{}, err
	}
	if _, err := c.client.Do(ctx, q, nil); err != nil {
		return driver.Receipt{}, err
	}
	return driver.Receipt{Exists: true}, nil
}

// Stat looks at what the place tells. A place that tells nothing is said to
// hold something: nobody may conclude that a copy can be removed.
func (c *conn) Stat(ctx context.Context, t driver.Target) (driver.Receipt, error) {
	switch t.Kind {
	case kindPut:
		if err := ctx.Err(); err != nil {
			return driver.Receipt{}, stopped("stat", err)
		}
		return driver.Receipt{Exists: true}, nil
	case kindWatched:
		text, ok, err := c.look(ctx, "stat", t, t.Settings.String("watch"))
		return driver.Receipt{Exists: ok, Digest: text}, err
	case kindReadable:
		_, ok, err := c.look(ctx, "stat", t, t.Settings.String("value_at"))
		return driver.Receipt{Exists: ok}, err
	default:
		return driver.Receipt{}, unsupported("stat", t.Kind)
	}
}

// Read gets the value.
func (c *conn) Read(ctx context.Context, t driver.Target) (secret.Value, bool, error) {
	if t.Kind != kindReadable {
		return secret.Value{}, false, unsupported("read", t.Kind)
	}
	text, ok, err := c.look(ctx, "read", t, t.Settings.String("value_at"))
	return secret.NewString(text), ok, err
}

// look gets the declared path and gives the text at a place of its answer,
// or the answer itself.
func (c *conn) look(ctx context.Context, op string, t driver.Target, place string) (string, bool, error) {
	q, err := ask(op, http.MethodGet, t.Settings.String("get_path"), t.Settings)
	if err != nil {
		return "", false, err
	}
	var body []byte
	_, err = c.client.Do(ctx, q, &body)
	defer clear(body)
	var e *driver.Error
	if errors.As(err, &e) && e.Kind == driver.NotFound {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	if place == "" {
		return string(body), len(body) > 0, nil
	}
	root, ok := parse(body)
	if !ok {
		return "", false, &driver.Error{Op: op, On: q.On, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer is not JSON"}
	}
	text, ok := find(root, place)
	return text, ok && text != "" && stands(root, t.Settings.Map("holds")), nil
}

// stands reports whether all texts are at their places.
func stands(root any, wanted map[string]string) bool {
	for place, text := range wanted {
		if got, ok := find(root, place); !ok || got != text {
			return false
		}
	}
	return true
}

// Remove makes the declared removal. What is gone already is removed.
func (c *conn) Remove(ctx context.Context, t driver.Target) error {
	s := t.Settings
	if t.Kind != kindWatched && t.Kind != kindReadable {
		return unsupported("remove", t.Kind)
	}
	if s.String("remove_path") == "" {
		return &driver.Error{Op: "remove", On: s.String("path"), Kind: driver.Unsupported, Effect: pawl.EffectNone,
			Why: "the estate does not say how this copy is removed", Next: "remove it by hand, or set remove_path"}
	}
	q, err := ask("remove", orElse(s.String("remove_method"), http.MethodDelete), s.String("remove_path"), s)
	if err != nil {
		return err
	}
	_, err = c.client.Do(ctx, q, nil)
	var e *driver.Error
	if errors.As(err, &e) && e.Kind == driver.NotFound {
		return nil
	}
	return err
}
