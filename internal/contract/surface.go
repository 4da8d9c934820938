package main

import (
	"path"
	"strings"
)

// surface is a part of a vendor's API: which exchanges belong to it, and which
// published description says how they look.
type surface struct {
	Name        string // as it is printed
	Driver      string // whose declared calls must all be seen; "" for none
	Simulator   string // the package of the stand-in
	Handler     string // "" is "api", the name of the stand-in's own type
	Host        string // a pattern as path.Match has it; "" is any host
	Under       string // the beginning of the path; "" is any path
	Spec        string // below the folder of descriptions; a ".graphql" is a schema; "" is none
	Whole       string // the same, uncut, below the module cache; taken where it is there
	Base        string // what the description's server adds before its paths
	Undescribed string // why there is no Spec
}

// surfaces lists all, the narrower ones first: the first that fits is taken.
// To add a vendor, add a line.
func surfaces() []surface {
	return []surface{
		{Name: "github", Driver: "github", Simulator: "github", Spec: "github/api.github.com.trimmed.json"},
		{Name: "stripe", Driver: "stripe", Simulator: "stripe", Under: "/v1/", Spec: "stripe/spec3.trimmed.json", Whole: stripeMock + "/embedded/openapi/spec3.json"},
		{Name: "neon", Driver: "neon", Simulator: "neon", Spec: "neon/openapi.trimmed.json", Base: "/api/v2"},
		{Name: "resend", Driver: "resend", Simulator: "resend", Spec: "resend/resend.json"},
		{Name: "fly machines", Driver: "fly", Simulator: "fly", Under: "/v1/", Spec: "fly/machines-openapi.json", Base: "/v1"},
		{Name: "fly graphql", Driver: "fly", Simulator: "fly", Under: "/graphql", Spec: "fly/schema.graphql"},
		{Name: "fly releases and logs", Driver: "fly", Simulator: "fly", Undescribed: "flyctl uses these calls; Fly's description of its API leaves them out"},
		{Name: "upstash databases and qstash", Driver: "upstash", Simulator: "upstash", Host: "*.upstash.io", Undescribed: "the published description covers the developer API alone"},
		{Name: "upstash", Driver: "upstash", Simulator: "upstash", Spec: "upstash/developer-api-openapi.yml", Base: "/v2"},
		{Name: "anthropic", Driver: "anthropic", Simulator: "anthropic", Undescribed: "Anthropic publishes no description of its Admin API"},
		{Name: "stripe's shown pages", Simulator: "stripe", Undescribed: "a checkout page is for a browser"},
		{Name: "fly's apps", Simulator: "fly", Handler: "consumer", Undescribed: "the apps of the scenes are made up"},
		{Name: "the demo's service", Simulator: "saas", Handler: "plane", Undescribed: "the service of the demo is made up"},
	}
}

// surfaceOf gives the first surface that an exchange belongs to, or nil.
func surfaceOf(all []surface, e exchange) *surface {
	for i := range all {
		if all[i].has(e) {
			return &all[i]
		}
	}
	return nil
}

func (s *surface) has(e exchange) bool {
	handler := s.Handler
	if handler == "" {
		handler = "api"
	}
	if s.Simulator != e.Simulator || handler != e.Handler || !strings.HasPrefix(e.URI, s.Under) {
		return false
	}
	fits, err := path.Match(s.Host, e.Host)
	return s.Host == "" || err == nil && fits
}
