package fly

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// stored is one secret of an app.
type stored struct {
	value, digest        string
	createdAt, updatedAt time.Time
}

// edition is all secrets of an app as one version has them. Editions are never
// changed, so machines may keep them.
type edition struct {
	version int
	at      time.Time
	secrets map[string]stored
}

// secretName is the form of an environment variable; what Fly itself takes is
// not documented.
var secretName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// newest is what the next edition is made from.
func (a *app) newest() edition {
	if len(a.editions) == 0 {
		return edition{}
	}
	return a.editions[len(a.editions)-1]
}

// visible is the newest edition that a replica shows which is some time
// behind, but one of version least or later.
func (a *app) visible(now time.Time, lag time.Duration, least int) edition {
	for i := len(a.editions) - 1; i >= 0; i-- {
		e := a.editions[i]
		if !e.at.After(now.Add(-lag)) || e.version <= least {
			return e
		}
	}
	return edition{}
}

// change makes a new edition. A nil value takes a secret away.
func (f *Fly) change(a *app, values map[string]*string) edition {
	f.versions++
	now := f.now()
	e := edition{version: f.versions, at: now, secrets: maps.Clone(a.newest().secrets)}
	if e.secrets == nil {
		e.secrets = map[string]stored{}
	}
	for name, v := range values {
		if v == nil {
			delete(e.secrets, name)
			continue
		}
		s := stored{value: *v, digest: f.digestOf(a, name, *v), createdAt: now, updatedAt: now}
		if old, ok := e.secrets[name]; ok {
			s.createdAt = old.createdAt
		}
		e.secrets[name] = s
	}
	a.editions = append(a.editions, e)
	return e
}

// digestOf is keyed: Fly documents no algorithm, so nobody may compute it.
func (f *Fly) digestOf(a *app, name, value string) string {
	mac := hmac.New(sha256.New, []byte(f.digest))
	mac.Write([]byte(a.name + "\x00" + name + "\x00" + value))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// view is a secret as answers show it: without its value.
func (s stored) view(name string) map[string]any {
	return map[string]any{"name": name, "digest": s.digest, "created_at": second(s.createdAt), "updated_at": second(s.updatedAt)}
}

// shown is a secret as answers to reading calls show it: with its value only
// where Config.ShowsSecrets says so and the caller asks for it.
func (f *Fly) shown(c *route.Call, s stored, name string) map[string]any {
	v := s.view(name)
	if f.cfg.ShowsSecrets && c.Query("show_secrets") == "true" {
		v["value"] = s.value
	}
	return v
}

// asked gives the edition that a reading call asks for: min_version is in the
// specification, version is what fly-go sends. That a version which is not
// there yet is answered with 400 is a guess.
func (f *Fly) asked(c *route.Call, a *app) (edition, bool) {
	least := 0
	for _, name := range []string{"min_version", "version"} {
		if q := c.Query(name); q != "" {
			n, err := strconv.Atoi(q)
			if err != nil || n > a.newest().version {
				fail(c, http.StatusBadRequest, "secrets of that version are not known")
				return edition{}, false
			}
			least = max(least, n)
		}
	}
	return a.visible(f.now(), f.cfg.ReplicaLag, least), true
}

func listSecrets(f *Fly, c *route.Call, a *app) {
	e, ok := f.asked(c, a)
	if !ok {
		return
	}
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(e.secrets)) {
		list = append(list, f.shown(c, e.secrets[name], name))
	}
	c.JSON(http.StatusOK, map[string]any{"secrets": list})
}

func showSecret(f *Fly, c *route.Call, a *app) {
	e, ok := f.asked(c, a)
	if !ok {
		return
	}
	name := c.Arg("secret")
	s, ok := e.secrets[name]
	if !ok {
		fail(c, http.StatusNotFound, "secret not found")
		return
	}
	c.JSON(http.StatusOK, f.shown(c, s, name))
}

func setSecrets(f *Fly, c *route.Call, a *app) {
	var in struct {
		Values map[string]*string `json:"values"`
	}
	if c.Read(&in) != nil || !named(in.Values) {
		fail(c, http.StatusBadRequest, "values must be an object of secrets")
		return
	}
	version, claimed := f.write(c, a, in.Values)
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(claimed)) {
		list = append(list, claimed[name].view(name))
	}
	c.JSON(http.StatusOK, map[string]any{"secrets": list, "version": version, "Version": version})
}

func named(values map[string]*string) bool {
	for name := range values {
		if !secretName.MatchString(name) {
			return false
		}
	}
	return len(values) > 0
}

func setSecret(f *Fly, c *route.Call, a *app) {
	var in struct {
		Value *string `json:"value"`
	}
	name := c.Arg("secret")
	if c.Read(&in) != nil || in.Value == nil || !secretName.MatchString(name) {
		fail(c, http.StatusBadRequest, "a name and a value are required")
		return
	}
	version, claimed := f.write(c, a, map[string]*string{name: in.Value})
	v := claimed[name].view(name)
	v["version"], v["Version"] = version, version
	c.JSON(http.StatusCreated, v)
}

// write stores what faults let through and gives the version, and what the
// answer claims: what was sent, as if it had been stored.
func (f *Fly) write(c *route.Call, a *app, sent map[string]*string) (int, map[string]stored) {
	kept, label, claimed := map[string]*string{}, c.R.Method+" "+c.Path, map[string]stored{}
	for _, name := range slices.Sorted(maps.Keys(sent)) {
		if sent[name] == nil {
			kept[name] = nil
			continue
		}
		if v, stores := f.front.Faults.Stored(c.R, label, *sent[name]); stores {
			kept[name] = &v
		}
	}
	e := f.change(a, kept)
	for name, v := range sent {
		if v != nil {
			s := e.secrets[name]
			if s.createdAt.IsZero() {
				s.createdAt = e.at
			}
			claimed[name] = stored{digest: f.digestOf(a, name, *v), createdAt: s.createdAt, updatedAt: e.at}
		}
	}
	return e.version, claimed
}

// deleteSecret answers 404 for a secret that is not there (guessed: the
// description has 200 alone).
func deleteSecret(f *Fly, c *route.Call, a *app) {
	name := c.Arg("secret")
	if _, ok := a.newest().secrets[name]; !ok {
		fail(c, http.StatusNotFound, "secret not found")
		return
	}
	e := f.change(a, map[string]*string{name: nil})
	c.JSON(http.StatusOK, map[string]any{"version": e.version, "Version": e.version})
}
