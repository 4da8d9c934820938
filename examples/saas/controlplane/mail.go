package controlplane

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// mailer sends mail.
type mailer interface {
	// name is what /health says.
	name() string
	// start fails where mail cannot be right, and logs what may be wrong.
	start(ctx context.Context, now time.Time, log *slog.Logger) error
	// send sends a text. The same once sends it once.
	send(ctx context.Context, to, subject, text, once string) error
}

// newMailer gives Resend, or the disabled provider where there is no key.
func newMailer(c Config, client *http.Client) mailer {
	if c.ResendKey == "" {
		return disabled{}
	}
	return &resend{newVendor("resend", c.ResendBase, "Bearer "+c.ResendKey, client), c.From}
}

var errDisabled = errors.New("mail is disabled: RESEND_API_KEY is not set")

// disabled sends nothing, and says so.
type disabled struct{}

func (disabled) name() string { return "disabled" }

func (disabled) start(_ context.Context, _ time.Time, log *slog.Logger) error {
	log.Warn(errDisabled.Error())
	return nil
}

func (disabled) send(context.Context, string, string, string, string) error { return errDisabled }

// resend sends by Resend.
type resend struct {
	vendor
	from string
}

func (*resend) name() string { return "resend" }

// A key that may only send cannot list domains (Resend, "Errors":
// restricted_api_key), so whether mail may come from the From address is found
// out by sending: to Resend's own test address, which takes every mail and
// brings it to nobody ("Test emails").
const (
	testAddress = "delivered@resend.dev"
	testSubject = "The control plane starts"
	testText    = "This mail shows at a start that mail may come from this address. Nobody needs to do anything."
)

// start refuses a From address whose domain is not verified, or that the key
// may not send from. What may heal by itself or by a rotation, a key that is
// dead or a Resend that cannot be reached, is logged and does not stop a start:
// mail is the least of what runs here.
//
// One test mail is sent a day and From address, however many machines start:
// the idempotency key is the same. Resend keeps it for 24 hours ("Idempotency
// keys"), so a domain that loses its verification may be noticed a day late.
func (m *resend) start(ctx context.Context, now time.Time, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	sum := sha256.Sum256([]byte(m.from))
	err := m.send(ctx, testAddress, testSubject, testText, "start-"+now.UTC().Format(time.DateOnly)+"-"+hex.EncodeToString(sum[:8]))
	switch {
	case err == nil:
		return nil
	case refusesFrom(err):
		return fmt.Errorf("RESEND_FROM_EMAIL: mail may not come from this address: verify its domain at https://resend.com/domains, or give another: %w", err)
	default:
		log.Error("mail may not work: " + err.Error())
		return nil
	}
}

// refusesFrom reports whether Resend refuses a mail for where it comes from.
// There is no name for it: the same 403 validation_error has other reasons, so
// the sentence is looked at (Resend, "Errors").
func refusesFrom(err error) bool {
	var v *vendorError
	if !errors.As(err, &v) || v.status != http.StatusForbidden {
		return false
	}
	said := strings.ToLower(string(v.answer))
	return strings.Contains(said, "domain is not verified") || strings.Contains(said, "not authorized to send emails from")
}

func (m *resend) send(ctx context.Context, to, subject, text, once string) error {
	return m.do(ctx, order{op: "send mail", method: http.MethodPost, path: "/emails", once: once,
		json: map[string]any{"from": m.from, "to": []string{to}, "subject": subject, "text": text}})
}
