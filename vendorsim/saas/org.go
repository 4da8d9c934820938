package saas

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
	"github.com/pawlhq/pawl/vendorsim/molecule"
	"github.com/pawlhq/pawl/vendorsim/resend"
)

// org is a tenant, without what its row of org_instances has encrypted.
type org struct {
	id, slug, name string
	owner          string // who is told that the tenant is erased
	branch         string // at Neon
	customer       string // at Stripe
	platform       tenancy
}

// org finds a tenant by its id or its slug.
func (s *SaaS) org(name string) *org {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orgs {
		if o.id == name || o.slug == name {
			return o
		}
	}
	return nil
}

// all gives the tenants of now.
func (s *SaaS) all() []*org {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*org(nil), s.orgs...)
}

func listOrgs(p *process, c *route.Call) {
	list := []any{}
	for _, o := range p.all() {
		list = append(list, p.view(o))
	}
	c.JSON(http.StatusOK, map[string]any{"orgs": list})
}

func showOrg(p *process, c *route.Call, o *org) { c.JSON(http.StatusOK, p.view(o)) }

// view is a tenant as the API shows it: ready once its branch is, and
// unreadable where this machine has no key that opens its row.
func (p *process) view(o *org) map[string]any {
	status := "provisioning"
	for _, b := range p.Neon.Branches(TenantProject) {
		if b.ID == o.branch && b.Ready {
			status = "ready"
		}
	}
	if p.unreadable(o, p.keys()) > 0 {
		status = "unreadable"
	}
	return map[string]any{"id": o.id, "slug": o.slug, "name": o.name, "status": status}
}

func createOrg(p *process, c *route.Call) {
	var in struct{ Slug, Name, Owner string }
	if err := c.Read(&in); err != nil || in.Slug == "" || strings.ContainsAny(in.Slug, "/ .") {
		c.JSON(http.StatusBadRequest, map[string]any{"error": "a slug is needed"})
		return
	}
	if p.org(in.Slug) != nil {
		c.JSON(http.StatusConflict, map[string]any{"error": "the slug is taken"})
		return
	}
	o, err := p.provision(in.Slug, in.Name, in.Owner)
	if err != nil {
		p.refuse(c, http.StatusBadGateway, "provisioning failed: "+err.Error())
		return
	}
	c.JSON(http.StatusCreated, p.view(o))
}

// provision makes a tenant: a branch at Neon, an app with a machine at Fly, a
// customer at Stripe, and the row.
func (p *process) provision(slug, name, owner string) (*org, error) {
	if !p.Fly.TokenAccepted(p.env(FlyToken)) {
		return nil, fmt.Errorf("fly: 401 unauthorized")
	}
	branch, err := p.Neon.Provision(p.env(NeonKey), TenantProject, "tenant-"+slug)
	if err != nil {
		return nil, err
	}
	customer, err := p.stripe(http.MethodPost, "/v1/customers", url.Values{"name": {name}, "metadata[org]": {slug}})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o := &org{id: uuid(p.cfg.Rand), slug: slug, name: name, owner: cmp.Or(owner, "owner@"+slug+".example"), branch: branch, customer: customer.ID}
	if err := p.write(o, p.tenantURL(o), redisURL(p.env(RedisURL), o)); err != nil {
		return nil, err
	}
	p.container(o)
	o.platform = newPlatform()
	p.orgs = append(p.orgs, o)
	return o, nil
}

// tenantURL makes the URL of a tenant's own database.
func (p *process) tenantURL(o *org) string {
	return "postgresql://tenant:" + vendorsim.Credential(p.cfg.Rand, "npg_", 12) + "@" + o.branch + ".neon.tech/" + o.id
}

// redisURL is the shared Redis, with the tenant's id as the client's name.
func redisURL(shared string, o *org) string { return shared + "?client_name=" + o.id }

// container starts the tenant's container, with what the control plane knows
// now.
func (p *process) container(o *org) {
	app := TenantPrefix + o.slug
	p.Fly.AddApp(molecule.Org, app, "")
	p.Fly.SetSecret(app, TenantRedis, p.env(RedisURL))
	p.Fly.SetSecret(app, DecryptKeys, p.env(DecryptKeys))
	p.Fly.AddMachines(app, 1)
}

// eraseOrg is the cascade of an erasure: everything of the tenant's goes, and
// then a mail is tried. That the mail failed is logged and changes no answer.
func eraseOrg(p *process, c *route.Call, o *org) {
	if err := p.erase(o); err != nil {
		p.refuse(c, http.StatusBadGateway, "erasure failed: "+err.Error())
		return
	}
	c.Empty(http.StatusNoContent)
}

func (p *process) erase(o *org) error {
	if err := p.Neon.Deprovision(p.env(NeonKey), TenantProject, o.branch); err != nil {
		return err
	}
	if _, err := p.stripe(http.MethodDelete, "/v1/customers/"+o.customer, nil); err != nil {
		return err
	}
	p.Fly.RemoveApp(TenantPrefix + o.slug)
	p.mu.Lock()
	for i := range p.orgs {
		if p.orgs[i] == o {
			p.orgs = append(p.orgs[:i:i], p.orgs[i+1:]...)
			break
		}
	}
	p.mu.Unlock()
	if err := p.cfg.Rows.Remove(o.id); err != nil {
		return err
	}
	p.confirmErasure(o)
	return nil
}

// confirmErasure mails that a tenant is erased. Without a key nothing is sent
// and nothing is said.
func (p *process) confirmErasure(o *org) {
	key := p.env(ResendKey)
	if key == "" {
		return
	}
	mail := resend.Mail{From: p.env(ResendFrom), To: o.owner, Subject: "Your data is erased"}
	if err := p.Resend.Send(key, mail); err != nil {
		p.Fly.AddLogLine(App, "error", "purge confirmation email failed: "+err.Error())
	}
}

// reprovisionOrg gives a tenant a new branch and new URLs. What its row held
// needs not be read.
func reprovisionOrg(p *process, c *route.Call, o *org) {
	branch, err := p.Neon.Provision(p.env(NeonKey), TenantProject, "tenant-"+o.slug+"-again")
	if err != nil {
		p.refuse(c, http.StatusBadGateway, "provisioning failed: "+err.Error())
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	o.branch = branch
	err = p.write(o, p.tenantURL(o), redisURL(p.env(RedisURL), o))
	if err != nil {
		p.refuse(c, http.StatusInternalServerError, "provisioning failed: "+err.Error())
		return
	}
	c.JSON(http.StatusOK, map[string]any{"id": o.id})
}

// AddTenant makes a tenant beside those that are there at first, with three
// workspaces. Its platform has the first key at the language model, as one
// that a person sets up from old notes.
func (s *SaaS) AddTenant(slug string) error { return s.seedTenant(slug, 0) }

// RemoveTenant erases a tenant, as its owner asks for.
func (s *SaaS) RemoveTenant(slug string) error {
	o := s.org(slug)
	if o == nil {
		return fmt.Errorf("saas: there is no tenant %s", slug)
	}
	defer s.Neon.Finish()
	return (&process{s, s.next()}).erase(o)
}

// seedTenant makes one of the tenants that are there at first.
func (s *SaaS) seedTenant(slug string, n int) error {
	p := &process{s, s.next()}
	o, err := p.provision(slug, strings.ToUpper(slug[:1])+slug[1:], "")
	s.Neon.Finish()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o.platform.global[AnthropicKey] = setting{value: s.First[AnthropicKey], at: s.cfg.Now()}
	for i := range 3 {
		w := &workspace{id: fmt.Sprintf("ws-%s-%d", slug, i+1), overrides: map[string]string{}}
		o.platform.workspaces = append(o.platform.workspaces, w)
		w.paused = n == 1 && i == 2
		s.start(context.Background(), o, w)
	}
	return nil
}
