package controlplane_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/resend"
)

// slow is a Resend that never answers.
func (s *site) hangMail() { s.resend.Faults().Add(vendorsim.Rule{Kind: vendorsim.Before}) }

func TestWhetherItStarts(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*site)
		starts bool
		mail   string
		logged string
	}{
		"all is well": {func(*site) {}, true, "resend", ""},
		"the domain is not verified": {func(s *site) { s.env["RESEND_FROM_EMAIL"] = "Molecule AI <noreply@mail.moleculesai.app>" },
			false, "", ""},
		"nobody's domain": {func(s *site) { s.env["RESEND_FROM_EMAIL"] = "noreply@moleculesai.example" }, false, "", ""},
		"receives only":   {func(s *site) { s.resend.StopSending("moleculesai.app") }, false, "", ""},
		"a key of another domain": {func(s *site) {
			_, s.env["RESEND_API_KEY"] = s.resend.AddKey("other", "sending_access", "mail.moleculesai.app")
		}, false, "", ""},
		"no address":      {func(s *site) { s.env["RESEND_FROM_EMAIL"] = "Molecule AI" }, false, "", ""},
		"a dead key":      {func(s *site) { s.env["RESEND_API_KEY"] = "re_dead" }, true, "resend", "mail may not work"},
		"no Resend":       {(*site).hangMail, true, "resend", "mail may not work"},
		"no key":          {func(s *site) { s.env["RESEND_API_KEY"] = "" }, true, "disabled", "mail is disabled"},
		"neither of them": {func(s *site) { s.env["RESEND_API_KEY"], s.env["RESEND_FROM_EMAIL"] = "", "" }, true, "disabled", "mail is disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, speed{})
			c.set(s)
			cp, err := s.start(&controlplane.Memory{})
			if (err == nil) != c.starts {
				t.Fatalf("it starts with %v", err)
			}
			if err != nil {
				if !strings.Contains(err.Error(), "RESEND_FROM_EMAIL") {
					t.Errorf("the error does not say why: %v", err)
				}
				return
			}
			if got := cp.do("GET", "/health", ""); got.code != http.StatusOK || got.body["mail"] != c.mail {
				t.Errorf("health: %d %s", got.code, got.text)
			}
			if log := s.log.text(); !strings.Contains(log, c.logged) || c.logged == "" && log != "" {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

func TestADeadKeyAsPeopleSawIt(t *testing.T) {
	s := newSite(t, speed{})
	s.resend = resend.New(resend.Config{Now: s.clock, DeadKeys: resend.AsObserved})
	s.server(&controlplane.Memory{})
	if !strings.Contains(s.log.text(), "mail may not work: resend: send mail: 401 unauthorized") {
		t.Errorf("the log: %s", s.log.text())
	}
}

func TestManyStartsSendOneMail(t *testing.T) {
	s := newSite(t, speed{})
	for range 5 {
		s.server(&controlplane.Memory{})
	}
	if n := len(s.resend.Emails()); n != 1 {
		t.Errorf("%d mails at five starts", n)
	}
	s.pass(nil, 24*time.Hour)
	s.server(&controlplane.Memory{})
	if n := len(s.resend.Emails()); n != 2 {
		t.Errorf("%d mails, want one more the next day", n)
	}
}

// TestAnErasureIsConfirmedOrTheLogSaysNot is what a dead mail key breaks: an
// answer and /health that are as always, and a line in the log.
func TestAnErasureIsConfirmedOrTheLogSaysNot(t *testing.T) {
	const line = "purge confirmation email failed: "
	for name, c := range map[string]struct {
		set  func(*site)
		mail int
		why  string
	}{
		"all is well": {func(*site) {}, 1, ""},
		"a dead key":  {func(s *site) { s.env["RESEND_API_KEY"] = "re_dead" }, 0, line + "resend: send mail: HTTP 403 invalid_api_key"},
		"no key":      {func(s *site) { s.env["RESEND_API_KEY"] = "" }, 0, line + "mail is disabled"},
		"no Resend":   {(*site).hangMail, 0, line + "resend: send mail: "},
		"a lost answer": {func(s *site) {
			s.resend.Faults().Add(vendorsim.Rule{Kind: vendorsim.AfterLost, From: 2})
		}, 1, line},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, speed{})
			c.set(s)
			cp := s.server(&controlplane.Memory{})
			cp.make("acme")
			if got := cp.do("DELETE", "/cp/orgs/acme", ""); got.code != http.StatusNoContent {
				t.Errorf("erased: %d %s", got.code, got.text)
			}
			if s.mails() != c.mail {
				t.Errorf("%d mails, want %d", s.mails(), c.mail)
			}
			if log := s.log.text(); !strings.Contains(log, c.why) || c.why == "" && strings.Contains(log, line) {
				t.Errorf("the log: %s", log)
			}
			if got := cp.do("GET", "/health", ""); got.code != http.StatusOK {
				t.Errorf("health is %d", got.code)
			}
		})
	}
}

func TestNobodyIsToldWhereThereIsNobody(t *testing.T) {
	s := newSite(t, speed{})
	cp := s.server(&controlplane.Memory{})
	cp.do("POST", "/cp/orgs", `{"slug":"acme"}`)
	if got := cp.do("DELETE", "/cp/orgs/acme", ""); got.code != http.StatusNoContent || s.mails() != 0 {
		t.Errorf("erased: %d, %d mails", got.code, s.mails())
	}
}
