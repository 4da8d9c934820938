package stripe

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// key is an API key. Its time is over at until, unless that is zero.
type key struct {
	Key
	value string
	until time.Time
}

func (k *key) alive(at time.Time, lag time.Duration) bool {
	return k.until.IsZero() || at.Before(k.until.Add(lag))
}

// caller gives the key that a call was made with, or answers. Both of the
// description's ways of giving it are taken: Bearer, and Basic with the key as
// the user name.
func (s *Stripe) caller(c *route.Call) *key {
	value := given(c.R)
	if value == "" {
		c.W.Header().Set("WWW-Authenticate", `Basic realm="Stripe"`)
		fail(c, http.StatusUnauthorized, problem{Message: "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth " +
			"(e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/."})
		return nil
	}
	i := slices.IndexFunc(s.keys, func(k *key) bool { return k.value == value })
	if i >= 0 && s.keys[i].alive(s.now(), s.cfg.RevocationLag) {
		return s.keys[i]
	}
	p := problem{Message: "Invalid API Key provided: " + masked(value)}
	if i >= 0 {
		p = problem{Code: "api_key_expired", Message: "Expired API Key provided: " + masked(value)}
	}
	fail(c, http.StatusUnauthorized, p)
	return nil
}

// given reads the key of a call.
func given(r *http.Request) string {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		return value
	case "basic":
		if plain, err := base64.StdEncoding.DecodeString(value); err == nil {
			value = string(plain)
		}
		user, _, _ := strings.Cut(value, ":")
		return user
	default:
		return ""
	}
}

// masked is a key as Stripe's refusals show it: its prefix and its last four
// characters.
func masked(value string) string {
	const shown = 4
	prefix := value[:strings.LastIndex(value[:min(len(value), 9)], "_")+1]
	if len(value) < len(prefix)+2*shown {
		return strings.Repeat("*", len(value))
	}
	return prefix + strings.Repeat("*", len(value)-len(prefix)-shown) + value[len(value)-shown:]
}

// may answers when a restricted key lacks a permission. A permission to write
// is one to read ("Restricted API keys").
func (k *key) may(c *route.Call, account, permission string) bool {
	write := strings.TrimSuffix(permission, "_read") + "_write"
	if !k.Restricted || slices.Contains(k.Permissions, permission) || slices.Contains(k.Permissions, write) {
		return true
	}
	fail(c, http.StatusForbidden, problem{Message: fmt.Sprintf("The provided key '%s' does not have the required permissions for this endpoint on account '%s'. Having the '%s' permission would allow this request to continue.",
		masked(k.value), account, permission)})
	return false
}

// maxKeep is how long a rotated key may live on at most.
const maxKeep = 7 * 24 * time.Hour

// RollKey is "Rotate key" in the dashboard: it gives a new key of the same
// kind. The old one lives on for keep, at most 7 days; 0 ends it at once. It
// panics on a key that is not alive and on a time that cannot be chosen.
func (s *Stripe) RollKey(value string, keep time.Duration) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.mustKey(value)
	if keep < 0 || keep > maxKeep {
		panic("stripe: the dashboard lets nobody choose " + keep.String())
	}
	old.until = s.now().Add(keep)
	return s.addKey(old.Key)
}

// ExpireKey is "Expire key" in the dashboard.
func (s *Stripe) ExpireKey(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustKey(value).until = s.now()
}

func (s *Stripe) mustKey(value string) *key {
	for _, k := range s.keys {
		if k.value == value && k.alive(s.now(), 0) {
			return k
		}
	}
	panic("stripe: no such key is alive")
}

func (s *Stripe) addKey(k Key) string {
	prefix := "sk_"
	if k.Restricted {
		prefix = "rk_"
	}
	made := &key{Key: k, value: vendorsim.Credential(s.cfg.Rand, prefix+s.mode()+"_51", 79)}
	s.keys, s.issued = append(s.keys, made), append(s.issued, made.value)
	return made.value
}
