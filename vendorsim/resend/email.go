package resend

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// The events of emails that come here, of those that the description has.
const (
	Queued    = "queued"
	Sent      = "sent"
	Delivered = "delivered"
	Bounced   = "bounced"
)

// keepsIdempotency is how long an idempotency key is remembered (idempotency
// keys page).
const keepsIdempotency = 24 * time.Hour

// shared is Resend's own domain. From it mail goes to Resend's test addresses
// here; really it goes to the address of the account's owner as well.
const shared = "resend.dev"

// email is one message.
type email struct {
	id, from, subject, text, html string
	to                            []string
	key                           *key
	createdAt                     time.Time
	event                         string // set by a test, instead of what time brings
	payload                       [sha256.Size]byte
}

// last gives the newest event at an instant. Resend's test addresses end as
// their names say (test addresses page).
func (e *email) last(at time.Time, cfg Config) string {
	age := at.Sub(e.createdAt)
	switch {
	case e.event != "":
		return e.event
	case age < cfg.Sending:
		return Queued
	case age < cfg.Sending+cfg.Delivering:
		return Sent
	case slices.ContainsFunc(e.to, bounces):
		return Bounced
	default:
		return Delivered
	}
}

// bounces reports whether an address is Resend's own for bounces, with or
// without a label.
func bounces(address string) bool {
	local, host, _ := strings.Cut(strings.ToLower(address), "@")
	local, _, _ = strings.Cut(local, "+")
	return local == "bounced" && host == shared
}

// texts reads what may be one text or several.
type texts []string

// UnmarshalJSON takes a text or a list of texts.
func (t *texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

type message struct {
	From    string `json:"from"`
	To      texts  `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	HTML    string `json:"html"`
}

// sendEmail takes a message. The key is looked at first, so that the answer to
// a repeated message proves that the key is alive.
func (r *Resend) sendEmail(c *route.Call) {
	k := r.caller(c)
	if k == nil {
		return
	}
	raw, err := c.Raw()
	var in message
	if err != nil || json.Unmarshal(raw, &in) != nil {
		invalid(c, "The request body is not valid JSON.")
		return
	}
	once, given := c.R.Header["Idempotency-Key"]
	if given && (len(once[0]) < 1 || len(once[0]) > 256) {
		fail(c, http.StatusBadRequest, "invalid_idempotency_key", "The key must be between 1-256 chars.")
		return
	}
	host := r.sender(c, in)
	if host == "" || !r.mayUse(c, k, host, in.To) {
		return
	}
	sum := sha256.Sum256(raw)
	if given && r.repeated(c, once[0], sum) {
		return
	}
	e := &email{id: r.id(), from: in.From, to: in.To, subject: in.Subject, text: in.Text, html: in.HTML, key: k, createdAt: r.now(), payload: sum}
	r.emails = append(r.emails, e)
	if given {
		r.once[once[0]] = e
	}
	c.JSON(http.StatusOK, map[string]any{"id": e.id})
}

// sender gives the domain that a message comes from, or answers what is
// missing.
func (r *Resend) sender(c *route.Call, in message) string {
	switch {
	case in.From == "":
		missing(c, "from")
	case len(in.To) == 0 || len(in.To) > 50:
		missing(c, "to")
	case in.Subject == "":
		missing(c, "subject")
	case in.Text == "" && in.HTML == "":
		missing(c, "html` or `text")
	default:
		if a, err := mail.ParseAddress(in.From); err == nil {
			return strings.ToLower(a.Address[strings.LastIndexByte(a.Address, '@')+1:])
		}
		invalid(c, "Invalid `from` field. The email address needs to follow the `email@example.com` or `Name <email@example.com>` format.")
	}
	return ""
}

// mayUse reports whether a key may send from a domain, or answers that it may
// not. The text for a key of another domain is quoted in many reports.
func (r *Resend) mayUse(c *route.Call, k *key, host string, to []string) bool {
	test := !slices.ContainsFunc(to, func(a string) bool { return !strings.HasSuffix(strings.ToLower(a), "@"+shared) })
	d := r.named(host)
	switch {
	case k.domain != nil && d != k.domain:
		fail(c, http.StatusForbidden, "validation_error", "This API key is not authorized to send emails from "+host)
	case host == shared && !test:
		fail(c, http.StatusForbidden, "validation_error", "You can only send testing emails to your own email address. To send emails to other recipients, please verify a domain.")
	case host != shared && !d.sends():
		fail(c, http.StatusForbidden, "validation_error", "The "+host+" domain is not verified. Please, add and verify your domain on https://resend.com/domains")
	default:
		return true
	}
	return false
}

// repeated answers a message that was sent before under the same key.
func (r *Resend) repeated(c *route.Call, once string, sum [sha256.Size]byte) bool {
	e := r.once[once]
	switch {
	case e == nil || r.now().Sub(e.createdAt) >= keepsIdempotency:
		return false
	case e.payload != sum:
		fail(c, http.StatusConflict, "invalid_idempotent_request", "Same idempotency key used with a different request payload.")
	default:
		c.JSON(http.StatusOK, map[string]any{"id": e.id})
	}
	return true
}

// seen reports whether an email can be read yet.
func (r *Resend) seen(e *email) bool { return r.now().Sub(e.createdAt) >= r.cfg.EmailLag }

func (r *Resend) mailView(e *email) map[string]any {
	return map[string]any{"id": e.id, "message_id": "<" + e.id + "@email.amazonses.com>", "to": e.to, "from": e.from, "created_at": r.instant(e.createdAt),
		"subject": e.subject, "bcc": []any{}, "cc": []any{}, "reply_to": []any{}, "last_event": e.last(r.now(), r.cfg)}
}

// listEmails leaves the bodies out.
func (r *Resend) listEmails(c *route.Call) {
	var list []item
	for _, e := range r.emails {
		if r.seen(e) {
			list = append(list, item{e.id, r.mailView(e)})
		}
	}
	page(c, list)
}

func (r *Resend) showEmail(c *route.Call) {
	id := c.Arg("email_id")
	i := slices.IndexFunc(r.emails, func(e *email) bool { return e.id == id && r.seen(e) })
	if i < 0 {
		fail(c, http.StatusNotFound, "not_found", "Email not found")
		return
	}
	e, v := r.emails[i], r.mailView(r.emails[i])
	v["object"] = "email"
	for name, body := range map[string]string{"text": e.text, "html": e.html} {
		if body != "" {
			v[name] = body
		}
	}
	c.JSON(http.StatusOK, v)
}
