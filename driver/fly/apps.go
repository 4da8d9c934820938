package fly

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

// Discover finds the apps of the organisation whose names begin with a prefix,
// sorted by name. An organisation that Fly does not find is an error, not one
// without apps.
func (c *conn) Discover(ctx context.Context, t driver.Target) ([]driver.Target, error) {
	const op = "find apps"
	prefix, except := t.Settings.String("prefix"), t.Settings.List("except")
	switch {
	case t.Kind != kindApps:
		return nil, unsupported(op, t.Kind)
	case linkable(prefix) == "":
		return nil, &driver.Error{Op: op, On: c.org, Kind: driver.Invalid, Effect: pawl.EffectNone,
			Why: "the prefix is empty or has something else in it than small letters, digits and dashes", Next: "write the beginning of the names of the apps that are meant"}
	}
	names, err := c.listApps(ctx, op)
	if err != nil {
		return nil, err
	}
	var found []driver.Target
	for _, name := range names {
		if strings.HasPrefix(name, prefix) && !slices.Contains(except, name) {
			found = append(found, driver.Target{Settings: estate.Settings{"app": name}})
		}
	}
	return found, nil
}

// listApps gives the names of the organisation's apps, sorted. The description
// has no pages; an answer that counts more apps than it lists is refused, since
// each one that is missing would keep the old value.
func (c *conn) listApps(ctx context.Context, op string) ([]string, error) {
	r := rest.Request{Op: op, On: c.org, Method: http.MethodGet, Path: pathApps, Query: url.Values{"org_slug": {c.org}}, Safe: true, LimitKey: "list apps"}
	var got struct {
		Apps *[]struct {
			Name string `json:"name"`
		} `json:"apps"`
		Total int `json:"total_apps"`
	}
	if _, err := c.api.Do(ctx, r, &got); err != nil {
		return nil, err
	}
	malformed := func(why string) error {
		return &driver.Error{Op: op, On: c.org, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: why}
	}
	if got.Apps == nil {
		return nil, malformed("the answer has no list of apps")
	}
	if n := len(*got.Apps); n < got.Total {
		return nil, malformed(fmt.Sprintf("the answer lists %d of %d apps", n, got.Total))
	}
	names := make([]string, 0, len(*got.Apps))
	for _, a := range *got.Apps {
		if a.Name == "" {
			return nil, malformed("the answer has an app without a name")
		}
		names = append(names, a.Name)
	}
	slices.SortFunc(names, cmp.Compare)
	return slices.Compact(names), nil
}

func orgApps() estate.Kind {
	return estate.Kind{Role: estate.RoleDiscovery, Name: kindApps,
		Doc: "The apps of the organisation whose names begin with a prefix, such as one container for each tenant. Each gives the setting `app`.",
		Fields: []estate.Field{
			{Name: "prefix", Type: estate.String, Required: true, Example: "acme-tenant-", Doc: "How the apps' names begin."},
			{Name: "except", Type: estate.List, Example: "acme-tenant-template", Doc: "Names of apps that are left out."},
		},
		Identity: []string{"prefix"},
		Manual:   estate.Manual{"discover": "flyctl apps list --org {{.org}}   # names that begin with {{line .prefix}}{{range .except}}, without {{line .}}{{end}}"}}
}
