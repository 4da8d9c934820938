package stripe

import (
	"net/http"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// problem is what is wrong, in the words of the "Errors" page.
type problem struct {
	Type    string `json:"type"` // "" is invalid_request_error
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Param   string `json:"param,omitempty"`
	DocURL  string `json:"doc_url,omitempty"`
}

// fail answers with a refusal. What has a code is documented at a page of the
// code's name.
func fail(c *route.Call, code int, p problem) {
	if p.Type == "" {
		p.Type = "invalid_request_error"
	}
	if p.Code != "" {
		p.DocURL = "https://stripe.com/docs/error-codes/" + dashed(p.Code)
	}
	c.JSON(code, map[string]problem{"error": p})
}

func dashed(code string) string {
	b := []byte(code)
	for i := range b {
		if b[i] == '_' {
			b[i] = '-'
		}
	}
	return string(b)
}

// missing answers for an object that is not there.
func missing(c *route.Call, noun, id string) {
	fail(c, http.StatusNotFound, problem{Code: "resource_missing", Param: "id", Message: "No such " + noun + ": '" + id + "'"})
}

// wrong answers for a parameter.
func wrong(c *route.Call, param, code, message string) {
	fail(c, http.StatusBadRequest, problem{Code: code, Param: param, Message: message})
}
