package fly

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/graphql"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

type gqlRequest struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables"`
}

// operations are the fields by which calls are labelled. Others may be what a
// caller put into the query by mistake, so they are not repeated.
var operations = []string{"app", "organization", "viewer", "createLimitedAccessToken", "deleteLimitedAccessToken"}

// graphqlLabel reads the body, puts it back, and names the first field.
func graphqlLabel(r *http.Request) string {
	b, err := io.ReadAll(io.LimitReader(r.Body, route.MaxBody))
	r.Body = io.NopCloser(bytes.NewReader(b))
	var in gqlRequest
	if err != nil || json.Unmarshal(b, &in) != nil {
		return "unknown"
	}
	op, err := graphql.Parse(in.Query, in.Variables)
	if err != nil || len(op.Fields) == 0 || !slices.Contains(operations, op.Fields[0].Name) {
		return "unknown"
	}
	return op.Fields[0].Name
}

// graphql answers with status 200 whatever happens (inferred from the habit of
// such servers; fly-go reads errors from the body).
func (f *Fly) graphql(c *route.Call) {
	var in gqlRequest
	if c.Read(&in) != nil {
		c.JSON(http.StatusBadRequest, graphql.Answer{Errors: []graphql.Error{{Message: "the request is not JSON"}}})
		return
	}
	t := f.find(c.R.Header.Get("Authorization"), f.now())
	if t == nil {
		c.JSON(http.StatusOK, graphql.Answer{Errors: []graphql.Error{*refused("UNAUTHORIZED", "You must be authenticated to view this.")}})
		return
	}
	op, err := graphql.Parse(in.Query, in.Variables)
	if err != nil {
		c.JSON(http.StatusOK, graphql.Answer{Errors: []graphql.Error{{Message: err.Error()}}})
		return
	}
	root := f.queries(t)
	if op.Mutation {
		root = f.mutations(t)
	}
	c.JSON(http.StatusOK, graphql.Execute(op, root))
}

func refused(code, message string) *graphql.Error {
	return &graphql.Error{Message: message, Extensions: map[string]any{"code": code}}
}

func (f *Fly) queries(t *token) graphql.Object {
	return graphql.Object{
		"app": graphql.Resolver(func(args map[string]any) (any, error) {
			a := f.apps[text(args, "name")]
			if a == nil || !t.reaches(a) {
				return nil, refused("NOT_FOUND", "Could not find App")
			}
			return f.appObject(t, a), nil
		}),
		"organization": graphql.Resolver(func(args map[string]any) (any, error) {
			o := f.org(text(args, "slug"))
			if o == nil || o != t.org || t.profile == Deploy {
				return nil, refused("NOT_FOUND", "Could not find Organization")
			}
			return f.orgObject(t, o), nil
		}),
		"viewer": graphql.Resolver(func(map[string]any) (any, error) {
			return graphql.Object{"id": "user-" + t.user, "email": t.user}, nil
		}),
	}
}

func (f *Fly) appObject(t *token, a *app) graphql.Object {
	var last graphql.Object
	if r := a.lastRelease(); r != nil {
		last = r.object()
	}
	return graphql.Object{"id": a.id, "internalNumericId": a.number, "name": a.name, "status": "deployed", "hostname": a.name + ".fly.dev",
		"currentReleaseUnprocessed": last,
		"organization":              f.orgObject(t, a.org),
		"limitedAccessTokens":       f.tokenList(t, func(x *token) bool { return x.app == a })}
}

// orgObject lists all tokens of the organisation, those of its apps too.
func (f *Fly) orgObject(t *token, o *org) graphql.Object {
	return graphql.Object{"id": o.id, "slug": o.slug, "rawSlug": o.slug, "name": o.slug, "type": "SHARED", "internalNumericId": strconv.Itoa(o.number),
		"limitedAccessTokens": f.tokenList(t, func(x *token) bool { return x.org == o })}
}

// tokenList gives the tokens of one owner, oldest first, in pages if asked.
// Scoped tokens may not see it (inferred: only people's sessions do).
func (f *Fly) tokenList(t *token, want func(*token) bool) graphql.Resolver {
	return func(args map[string]any) (any, error) {
		if t.profile != User {
			return nil, refused("FORBIDDEN", "Not authorized to access this limitedAccessTokens")
		}
		var all []graphql.Object
		for _, x := range f.tokens {
			if x.profile != User && want(x) {
				all = append(all, x.object(false))
			}
		}
		from, to := page(args, len(all))
		return graphql.Object{"nodes": all[from:to], "totalCount": len(all), "pageInfo": graphql.Object{
			"hasNextPage": to < len(all), "hasPreviousPage": from > 0, "endCursor": strconv.Itoa(to), "startCursor": strconv.Itoa(from)}}, nil
	}
}

// page reads "first" and "after"; a cursor is the count of what came before.
func page(args map[string]any, n int) (from, to int) {
	after, _ := args["after"].(string)
	from, _ = strconv.Atoi(after) // no cursor and a bad one both begin at the start
	from, to = min(max(from, 0), n), n
	if first, ok := args["first"].(float64); ok {
		to = min(from+max(int(first), 0), n)
	}
	return from, to
}

// object is the token as the schema has it. The value is in it only when it
// was made by this very call.
func (t *token) object(minted bool) graphql.Object {
	o := graphql.Object{"id": t.id, "name": t.name, "profile": t.profile, "profileParams": t.params(), "createdAt": second(t.createdAt),
		"expiresAt": second(t.expiresAt), "revokedAt": nil, "revokedBy": nil, "token": t.root, "tokenHeader": nil,
		"user":         graphql.Object{"id": "user-" + t.user, "email": t.user, "name": t.user},
		"organization": graphql.Object{"id": t.org.id, "slug": t.org.slug, "name": t.org.slug}}
	if !t.revokedAt.IsZero() {
		o["revokedAt"], o["revokedBy"] = second(t.revokedAt), t.user
	}
	if minted {
		o["token"], o["tokenHeader"] = t.header(), t.header()
	}
	return o
}

func (t *token) params() map[string]any {
	if t.app == nil {
		return map[string]any{}
	}
	return map[string]any{"app_id": t.app.id}
}

func (f *Fly) mutations(t *token) graphql.Object {
	return graphql.Object{
		"createLimitedAccessToken": graphql.Resolver(func(args map[string]any) (any, error) { return f.createToken(t, input(args)) }),
		"deleteLimitedAccessToken": graphql.Resolver(func(args map[string]any) (any, error) { return f.deleteToken(t, input(args)) }),
	}
}

func (f *Fly) createToken(t *token, in map[string]any) (any, error) {
	if t.profile != User {
		return nil, refused("FORBIDDEN", "Not authorized to access this createLimitedAccessToken: scoped tokens cannot mint other tokens")
	}
	o := order{name: text(in, "name"), profile: text(in, "profile"), user: t.user, org: t.org, life: longLife}
	if id := text(in, "organizationId"); id != t.org.id {
		return nil, refused("NOT_FOUND", "Could not find Organization")
	}
	if o.name == "" || !slices.Contains([]string{Deploy, Organisation, "litefs_cloud"}, o.profile) {
		return nil, refused("UNPROCESSABLE", "Name and a known profile are required")
	}
	if expiry := text(in, "expiry"); expiry != "" {
		life, err := time.ParseDuration(expiry)
		if err != nil || life <= 0 {
			return nil, refused("UNPROCESSABLE", "Expiry is not a duration")
		}
		o.life = life
	}
	if o.profile == Deploy {
		params, _ := in["profileParams"].(map[string]any)
		if o.app = f.appByID(text(params, "app_id")); o.app == nil || o.app.org != t.org {
			return nil, refused("NOT_FOUND", "Could not find App")
		}
	}
	return graphql.Object{"clientMutationId": in["clientMutationId"], "limitedAccessToken": f.mint(o).object(true)}, nil
}

// deleteToken revokes by id. A token that is revoked already is answered
// alike, an unknown id with an error.
func (f *Fly) deleteToken(t *token, in map[string]any) (any, error) {
	if t.profile != User {
		return nil, refused("FORBIDDEN", "Not authorized to access this deleteLimitedAccessToken")
	}
	id := text(in, "id")
	i := slices.IndexFunc(f.tokens, func(x *token) bool { return x.id == id && x.org == t.org && x.profile != User })
	if i < 0 {
		return nil, refused("NOT_FOUND", "Could not find LimitedAccessToken")
	}
	if x := f.tokens[i]; x.revokedAt.IsZero() {
		x.revokedAt = f.now()
	}
	return graphql.Object{"clientMutationId": in["clientMutationId"], "token": f.tokens[i].root, "revokedBy": t.user}, nil
}

func input(args map[string]any) map[string]any {
	in, _ := args["input"].(map[string]any)
	return in
}

func text(m map[string]any, key string) string {
	s, _ := m[key].(string)
	return s
}
