package http

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

const opList = "list targets"

// maxPages bounds how many pages of a list are asked for. A list that is
// longer, or whose pages lead in a circle, is an error and not a short list.
const maxPages = 200

// Discover asks the service for a list and makes each item that fits into
// settings. A service that has no list is an error, never an empty one.
func (c *conn) Discover(ctx context.Context, t driver.Target) ([]driver.Target, error) {
	if t.Kind != kindList {
		return nil, unsupported(opList, t.Kind)
	}
	l := &listing{items: t.Settings.String("items"), where: t.Settings.Map("where"), set: t.Settings.Map("set"), next: t.Settings.String("next")}
	q, err := ask(opList, http.MethodGet, t.Settings.String("path"), t.Settings)
	if err != nil {
		return nil, err
	}
	if l.on = q.On; !strings.Contains(strings.Join(slices.Collect(maps.Values(l.set)), ""), "{") {
		return nil, invalid(q, "set puts nothing of an item into a setting, so that all targets would be one")
	}
	for range maxPages {
		more, err := c.page(ctx, q, l)
		switch {
		case err != nil:
			return nil, err
		case more == "":
			return l.found, nil
		}
		if q, err = ask(opList, http.MethodGet, more, t.Settings); err != nil {
			return nil, l.malformed("the place of the next page is no path")
		}
	}
	return nil, l.malformed("the list does not end")
}

// listing is a list under way.
type listing struct {
	on, items, next string
	where, set      map[string]string

	seen  []any // items of found, in the same order
	found []driver.Target
}

func (l *listing) malformed(why string) error {
	return &driver.Error{Op: opList, On: l.on, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: why}
}

// page reads one page and gives the path of the next, "" if it is the last.
func (c *conn) page(ctx context.Context, q rest.Request, l *listing) (string, error) {
	var body []byte
	_, err := c.logs.Do(ctx, q, &body)
	defer clear(body)
	if err != nil {
		return "", err
	}
	root, ok := parse(body)
	list, isList := at(root, l.items).([]any)
	if !ok || !isList {
		return "", l.malformed("there is no list at " + orElse(l.items, "the top"))
	}
	for _, item := range list {
		if err := l.take(item); err != nil {
			return "", err
		}
	}
	if l.next == "" {
		return "", nil
	}
	more, _ := find(root, l.next)
	return strings.TrimPrefix(more, strings.TrimRight(c.settings.String("base"), "/")), nil
}

// take makes an item into a target, if it is one that is meant. An item that
// comes again because the list has moved between two pages is the same target;
// two items that give the same settings are a mistake of the estate.
func (l *listing) take(item any) error {
	for place, want := range l.where {
		if got, ok := find(item, place); !ok || got != want {
			return nil
		}
	}
	settings := estate.Settings{}
	for name, text := range l.set {
		filled, err := l.fill(name, text, item)
		if err != nil {
			return err
		}
		settings[name] = filled
	}
	i := slices.IndexFunc(l.found, func(t driver.Target) bool { return reflect.DeepEqual(t.Settings, settings) })
	switch {
	case i < 0:
		l.seen, l.found = append(l.seen, item), append(l.found, driver.Target{Settings: settings})
		return nil
	case reflect.DeepEqual(l.seen[i], item):
		return nil
	default:
		return &driver.Error{Op: opList, On: l.on, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "two items give the same settings",
			Next: "put something into set that tells the items apart, such as their id"}
	}
}

// placeholder is the place of an item's text in a setting.
var placeholder = regexp.MustCompile(`\{([^{}]+)\}`)

// fill puts an item's texts into a setting. In a path they are escaped, so that
// each stays in its segment. Elsewhere what could end a JSON text or begin a
// template is refused: the service would write requests of its own.
func (l *listing) fill(name, text string, item any) (string, error) {
	inPath := name == "path" || strings.HasSuffix(name, "_path")
	why := ""
	filled := placeholder.ReplaceAllStringFunc(text, func(hole string) string {
		place := hole[1 : len(hole)-1]
		got, ok := find(item, place)
		switch {
		case !ok || got == "":
			why = "an item has no text at " + place
		case inPath:
			return url.PathEscape(got)
		case strings.ContainsFunc(got, func(r rune) bool { return r < 0x20 || r == 0x7f || strings.ContainsRune(`"\{}`, r) }):
			why = "the text of an item at " + place + " has a quotation mark, a backslash, a brace or a control character in it"
		}
		return got
	})
	if why != "" {
		return "", l.malformed(why)
	}
	return filled, nil
}

func listKind() estate.Kind {
	return estate.Kind{Role: estate.RoleDiscovery, Name: kindList,
		Doc: "Asks a service for a list and gives settings for each item that fits: every tenant of a control plane, for example. What it gives stands in place of the location's own settings.",
		Fields: []estate.Field{
			pathField("/cp/orgs?status=running"), headersField(),
			text("items", "orgs", "Where in the JSON answer the list is, written as for `watch` of `put_watched`. Without it the whole answer is the list.", false),
			{Name: "where", Type: estate.Map, Example: "{status: running}", Doc: "What an item must have: places in it and their texts. An item without such a place is left out."},
			{Name: "set", Type: estate.Map, Required: true, Example: "{path: '/cp/orgs/{id}/secrets'}",
				Doc: "The settings of each target. `{id}` stands for the item's text at the place `id`; in a path it is escaped. An item that is meant and lacks it is an error."},
			text("next", "paging.next", "Where the answer has the path of the next page, or its URL below the connection's base. A page without it is the last.", false),
		},
		Identity: []string{"path"},
		Manual:   estate.Manual{"discover": "curl {{sh .base .path}}" + typedHeaders + "   # each{{with .items}} of {{line .}}{{end}}{{range $place, $text := .where}}, where {{line $place}} is {{line $text}}{{end}}"}}
}
