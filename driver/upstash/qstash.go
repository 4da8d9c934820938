package upstash

import (
	"context"
	"net/http"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

// qstash is a QStash user: an account has one in each region, with tokens of
// its own (page "Select a Region").
type qstash struct {
	c  *conn
	id string
}

// queueUser is QStashUser.
type queueUser struct {
	ID       string `json:"id"`
	Region   string `json:"region"`
	Token    string `json:"token"`
	ReadOnly string `json:"read_only_token"`
}

func (q *qstash) on() string { return q.id }

func (*qstash) name() string { return "" }

func (*qstash) key() string { return partQueueToken }

func (u queueUser) parts() secret.Parts {
	return secret.Parts{partQueueToken: secret.NewString(u.Token), partQueueReadOnly: secret.NewString(u.ReadOnly)}
}

// ask makes a call that answers with the user. effect is what a senseless
// answer leaves behind.
func (q *qstash) ask(ctx context.Context, op, method, path string, effect pawl.Effect) (queueUser, error) {
	var got queueUser
	r := rest.Request{Op: op, On: q.id, Method: method, Path: path, Params: map[string]string{"id": q.id}}
	if err := q.c.call(ctx, r, &got); err != nil {
		return queueUser{}, err
	}
	if got.ID != q.id || got.Token == "" || got.ReadOnly == "" {
		return queueUser{}, malformed(op, q.id, effect, "the answer has no tokens in it")
	}
	return got, nil
}

func (q *qstash) read(ctx context.Context, op string) (secret.Parts, error) {
	got, err := q.ask(ctx, op, http.MethodGet, pathQueueUser, pawl.EffectNone)
	if err != nil {
		return nil, err
	}
	return got.parts(), nil
}

func (q *qstash) reset(ctx context.Context, op string) (secret.Parts, error) {
	got, err := q.ask(ctx, op, http.MethodPost, pathRotate, pawl.EffectUnknown)
	if err != nil {
		return nil, err
	}
	return got.parts(), nil
}

// verify lists the queues of the user's region with the token. In another
// region Upstash does not find the token's user, which says nothing about it.
func (q *qstash) verify(ctx context.Context, value secret.Parts) (driver.Verdict, error) {
	const op = "verify token"
	token, err := part(op, value, partQueueToken)
	if err != nil {
		return "", err
	}
	at, err := q.ask(ctx, op, http.MethodGet, pathQueueUser, pawl.EffectNone)
	if err != nil {
		return "", err
	}
	return q.c.bears(ctx, "QStash", "qstash-"+at.Region+".upstash.io", rest.Request{Op: op, On: q.id, Method: http.MethodGet, Path: pathQueues}, token)
}
