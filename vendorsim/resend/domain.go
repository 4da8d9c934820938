package resend

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// The statuses of domains, all that the description has. Failed is one of
// emails too.
const (
	NotStarted        = "not_started"
	Pending           = "pending"
	Verified          = "verified"
	Failed            = "failed"
	PartiallyVerified = "partially_verified"
	PartiallyFailed   = "partially_failed"
)

// regions are those of the description.
var regions = []string{"us-east-1", "eu-west-1", "sa-east-1", "ap-northeast-1"}

// domain is a domain of the team with the records that its DNS must have.
type domain struct {
	id, name, status, region string
	sending                  string // "enabled" or "disabled"
	dkim                     string
	ready                    bool // its DNS has the records
	createdAt                time.Time
}

func (r *Resend) domain(id string) *domain {
	i := slices.IndexFunc(r.domains, func(d *domain) bool { return d.id == id })
	if i < 0 {
		return nil
	}
	return r.domains[i]
}

// named finds a domain by its whole name: a subdomain is another domain
// ("403 error using verified domain").
func (r *Resend) named(name string) *domain {
	i := slices.IndexFunc(r.domains, func(d *domain) bool { return strings.EqualFold(d.name, name) })
	if i < 0 {
		return nil
	}
	return r.domains[i]
}

// sends reports whether mail may come from the domain.
func (d *domain) sends() bool { return d != nil && d.status == Verified && d.sending == "enabled" }

func (r *Resend) view(d *domain) map[string]any {
	return map[string]any{"id": d.id, "name": d.name, "status": d.status, "created_at": r.instant(d.createdAt), "region": d.region,
		"open_tracking": false, "click_tracking": false, "capabilities": map[string]any{"sending": d.sending, "receiving": "disabled"}}
}

// records are two for sending: SPF, which is an MX and a TXT record of the
// return path, and DKIM.
func (d *domain) records() []any {
	status := map[string]string{Verified: "verified", Pending: "pending", NotStarted: "not_started"}[d.status]
	if status == "" {
		status = "failed"
	}
	return []any{
		map[string]any{"record": "SPF", "name": "send", "type": "MX", "ttl": "Auto", "status": status, "value": "feedback-smtp." + d.region + ".amazonses.com", "priority": 10},
		map[string]any{"record": "SPF", "name": "send", "type": "TXT", "ttl": "Auto", "status": status, "value": "v=spf1 include:amazonses.com ~all"},
		map[string]any{"record": "DKIM", "name": "resend._domainkey", "type": "TXT", "ttl": "Auto", "status": status, "value": "p=" + d.dkim},
	}
}

func (r *Resend) whole(d *domain) map[string]any {
	v := r.view(d)
	v["records"] = d.records()
	return v
}

func (r *Resend) makeDomain(name, region, status string) *domain {
	d := &domain{id: r.id(), name: name, status: status, region: region, sending: "enabled", dkim: vendorsim.Random(r.cfg.Rand, 40), createdAt: r.now()}
	r.domains = append(r.domains, d)
	return d
}

func (r *Resend) createDomain(c *route.Call) {
	var in struct {
		Name   string `json:"name"`
		Region string `json:"region"`
	}
	if c.Read(&in) != nil {
		invalid(c, "The request body is not valid JSON.")
		return
	}
	if in.Region == "" {
		in.Region = regions[0]
	}
	switch {
	case in.Name == "":
		missing(c, "name")
	case !slices.Contains(regions, in.Region):
		fail(c, http.StatusUnprocessableEntity, "invalid_region", "The region is not one of those that Resend has.")
	case r.named(in.Name) != nil:
		fail(c, http.StatusForbidden, "validation_error", "The domain has been registered already.")
	default:
		c.JSON(http.StatusCreated, r.whole(r.makeDomain(in.Name, in.Region, NotStarted)))
	}
}

func (r *Resend) listDomains(c *route.Call) {
	var list []item
	for _, d := range r.domains {
		list = append(list, item{d.id, r.view(d)})
	}
	page(c, list)
}

// askedDomain gives the domain that a call names, or answers.
func (r *Resend) askedDomain(c *route.Call) *domain {
	d := r.domain(c.Arg("domain_id"))
	if d == nil {
		fail(c, http.StatusNotFound, "not_found", "Domain not found")
	}
	return d
}

func (r *Resend) showDomain(c *route.Call) {
	if d := r.askedDomain(c); d != nil {
		v := r.whole(d)
		v["object"] = "domain"
		c.JSON(http.StatusOK, v)
	}
}

func (r *Resend) deleteDomain(c *route.Call) {
	if d := r.askedDomain(c); d != nil {
		r.domains = slices.DeleteFunc(r.domains, func(o *domain) bool { return o == d })
		c.JSON(http.StatusOK, map[string]any{"object": "domain", "id": d.id, "deleted": true})
	}
}

// verifyDomain looks at the DNS at once; Resend takes minutes to days.
func (r *Resend) verifyDomain(c *route.Call) {
	d := r.askedDomain(c)
	if d == nil {
		return
	}
	d.status = Pending
	if d.ready {
		d.status = Verified
	}
	c.JSON(http.StatusOK, map[string]any{"object": "domain", "id": d.id})
}
