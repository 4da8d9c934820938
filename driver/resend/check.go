package resend

import (
	"context"
	"fmt"
	"net/http"
	"net/mail"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

const domainsPage = "https://resend.com/domains"

// Check looks once.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	switch r.Target.Kind {
	case kindDomain:
		return c.checkDomain(ctx, r)
	case kindSeen:
		return c.checkSeen(ctx, r)
	case kindSend:
		return c.checkSend(ctx, r)
	default:
		return driver.Finding{}, unsupported("check", r.Target.Kind)
	}
}

// domain is Resend's record of a domain.
type domain struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Status       string `json:"status"`
	Capabilities struct {
		Sending string `json:"sending"`
	} `json:"capabilities"`
}

// line is a From line, or a domain alone. What comes from the value is not
// named: a value stands in no finding.
type line struct {
	domain string // in small letters, "" where there is none
	label  string // for people
}

// lineOf reads what is to be looked at: the setting, with the value in it where
// it is a template, or without a setting the value itself.
func lineOf(op string, r driver.CheckRequest) (line, error) {
	from := r.Target.Settings.String("from")
	if from != "" && !strings.Contains(from, "{{") {
		d := domainOf(from)
		return line{domain: d, label: "the domain " + d}, nil
	}
	if len(r.Value) == 0 {
		return line{}, &driver.Error{Op: op, Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "this check looks at the value, and pawl does not hold it"}
	}
	text, err := estate.Render(from, r.Value, nil)
	if err != nil {
		return line{}, invalid(op, "", "the From line cannot be made of the value: "+err.Error(), "correct `from`")
	}
	l := line{label: "the domain of the From line"}
	if err := text.Use(func(b []byte) error { l.domain = domainOf(string(b)); return nil }); err != nil {
		return line{}, &driver.Error{Op: op, Kind: driver.Internal, Effect: pawl.EffectNone, Why: "the value cannot be read any more"}
	}
	return l, nil
}

// domainOf gives the domain of a From line as RFC 5322 has it, or of a domain
// alone, in small letters; "" where the text is neither.
func domainOf(text string) string {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if strings.ContainsAny(text, "\r\n\x00") {
		return ""
	}
	host := text
	if strings.Contains(text, "@") {
		a, err := mail.ParseAddress(text)
		if err != nil {
			return ""
		}
		host = a.Address[strings.LastIndexByte(a.Address, '@')+1:]
	}
	if !strings.Contains(host, ".") || strings.ContainsAny(host, " \t<>\"/\\") {
		return ""
	}
	return strings.ToLower(host)
}

// checkDomain finds the domain in the team's list: its name may be part of the
// value, and a value goes into no URL. A subdomain is another domain.
func (c *conn) checkDomain(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	const op = "check domain"
	l, err := lineOf(op, r)
	if err != nil {
		return driver.Finding{}, err
	}
	if l.domain == "" {
		return driver.Finding{State: driver.Failed, Final: true, Detail: "it is neither a From line as RFC 5322 has it nor a domain"}, nil
	}
	var found *domain
	err = walk(ctx, c, rest.Request{Op: op, Path: pathDomains}, func(d domain) string { return d.ID }, func(part []domain, _ http.Header) bool {
		for _, d := range part {
			if strings.EqualFold(d.Name, l.domain) {
				found = &d
			}
		}
		return found == nil
	})
	if err != nil {
		return driver.Finding{}, err
	}
	return l.judge(found), nil
}

// judge passes a domain that is verified as a whole. One that is verified in
// part may lack what sending needs.
func (l line) judge(d *domain) driver.Finding {
	f := driver.Finding{State: driver.Failed, Link: domainsPage}
	switch {
	case d == nil:
		f.Detail = l.label + " is not among the team's domains: every send from it is refused with 403"
	case d.Status != statusVerified:
		f.Detail = fmt.Sprintf("%s is not verified but %s: every send from it is refused with 403", l.label, word(d.Status))
	case d.Capabilities.Sending == "disabled":
		f.Detail = l.label + " is verified, but not for sending"
	default:
		f.State, f.Detail = driver.Passed, l.label+" is verified"
	}
	return f
}

// word gives a status or an event if it is one word, as all of Resend's are.
func word(s string) string {
	for _, r := range s {
		if (r < 'a' || r > 'z') && r != '_' {
			return "in a state that is not known here"
		}
	}
	if s == "" || len(s) > 30 {
		return "in a state that is not known here"
	}
	return s
}
