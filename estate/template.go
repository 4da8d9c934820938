package estate

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// Bounds of templates and of what they make.
const (
	maxTemplate = 16 << 10
	maxRendered = 256 << 10
	maxRanges   = 2 // loops inside one another
)

// flaw is what is wrong with a template. It never holds a value and, of the
// template, at most a name.
type flaw struct{ why, hint string }

func (f *flaw) Error() string { return f.why }

// functions are what templates of values may call.
func functions() template.FuncMap {
	return template.FuncMap{
		"urlquery":  bounded(escapeURL),
		"base64":    bounded(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }),
		"base64url": bounded(func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }),
		"hex":       bounded(func(s string) string { return hex.EncodeToString([]byte(s)) }),
		"json":      bounded(quoteJSON),
		"quote":     bounded(quoteShell),
		"trim":      bounded(strings.TrimSpace),
		"upper":     bounded(strings.ToUpper),
		"lower":     bounded(strings.ToLower),
		"join":      join,
	}
}

// functionNames lists the functions that templates offer beside those of the
// language itself, in reading order.
func functionNames() []string {
	return []string{"urlquery", "base64", "base64url", "hex", "json", "quote", "trim", "upper", "lower", "join"}
}

// language is what of the template language itself may be called. Those that
// print are left out: they could grow without bounds.
func language() []string {
	return []string{"and", "or", "not", "eq", "ne", "index", "len", "slice"}
}

var errTooLong = errors.New("too long")

func bounded(f func(string) string) func(string) (string, error) {
	return func(s string) (string, error) {
		if out := f(s); len(out) <= maxRendered {
			return out, nil
		}
		return "", errTooLong
	}
}

// escapeURL escapes for every part of a URL: a space is %20, never +, which
// is a plus sign in front of an @.
func escapeURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// quoteShell quotes for a POSIX shell.
func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func join(sep string, list []string) (string, error) {
	size := 0
	for _, s := range list {
		size += len(s) + len(sep)
	}
	if size > 2*maxRendered {
		return "", errTooLong
	}
	return strings.Join(list, sep), nil
}

// compiled is a template that was found to be harmless.
type compiled struct {
	*template.Template
	uses []string // first names of the fields that it reads: parts, all, old, new
}

// compile parses a template and refuses what could run for ever or grow
// without bounds. Without funcs only the language itself is at hand.
func compile(text string, funcs template.FuncMap) (*compiled, *flaw) {
	if len(text) > maxTemplate {
		return nil, &flaw{"the template is too long", "at most 16 KiB"}
	}
	t, err := template.New("").Option("missingkey=error").Funcs(funcs).Parse(text)
	if err != nil {
		return nil, misread(err)
	}
	if len(t.Templates()) > 1 || t.Tree == nil {
		return nil, &flaw{"define and block have no place here", "write the text out"}
	}
	w := walker{funcs: funcs}
	w.list(t.Root, 0)
	if w.flaw != nil {
		return nil, w.flaw
	}
	return &compiled{t, w.uses}, nil
}

// misread says what is wrong with a template's syntax, by the kind of the
// mistake and, for a function, its name.
func misread(err error) *flaw {
	missing := regexp.MustCompile(`function "(\w+)" not defined`)
	hint := "the functions are " + strings.Join(append(functionNames(), language()...), ", ")
	if m := missing.FindStringSubmatch(err.Error()); m != nil {
		return &flaw{"there is no function " + shown(m[1]), hint + "; a part is written with a dot: {{.value}}"}
	}
	for _, known := range []string{"unclosed action", "undefined variable", "unexpected EOF", "unterminated", "missing value for"} {
		if strings.Contains(err.Error(), known) {
			return &flaw{"the template cannot be read: " + known, "write it like {{.value | base64}}"}
		}
	}
	return &flaw{"the template cannot be read", "write it like {{.value | base64}}"}
}

// walker looks at every node of a template.
type walker struct {
	funcs template.FuncMap
	uses  []string
	flaw  *flaw
}

func (w *walker) refuse(why, hint string) {
	if w.flaw == nil {
		w.flaw = &flaw{why, hint}
	}
}

func (w *walker) list(l *parse.ListNode, ranges int) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		w.node(n, ranges)
	}
}

func (w *walker) node(n parse.Node, ranges int) {
	switch n := n.(type) {
	case *parse.ActionNode:
		w.pipe(n.Pipe)
	case *parse.IfNode:
		w.branch(&n.BranchNode, ranges)
	case *parse.WithNode:
		w.branch(&n.BranchNode, ranges)
	case *parse.RangeNode:
		if !ranging(n.Pipe) || ranges == maxRanges {
			w.refuse("range is for .all alone", "write {{range .all}} … {{end}}")
		}
		w.branch(&n.BranchNode, ranges+1)
	case *parse.TextNode, *parse.CommentNode, *parse.BreakNode, *parse.ContinueNode:
	default:
		w.refuse("the template calls another one", "write the text out")
	}
}

func (w *walker) branch(b *parse.BranchNode, ranges int) {
	w.pipe(b.Pipe)
	w.list(b.List, ranges)
	w.list(b.ElseList, ranges)
}

// ranging reports whether a loop goes over a field of the data, which is
// short, rather than over a number of the template's choice.
func ranging(p *parse.PipeNode) bool {
	if len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	switch n := p.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		return true
	case *parse.VariableNode:
		return len(n.Ident) > 1
	}
	return false
}

func (w *walker) pipe(p *parse.PipeNode) {
	for _, c := range p.Cmds {
		for _, arg := range c.Args {
			w.argument(arg)
		}
	}
}

func (w *walker) argument(n parse.Node) {
	switch n := n.(type) {
	case *parse.FieldNode:
		w.use(n.Ident[0])
	case *parse.VariableNode:
		if n.Ident[0] == "$" && len(n.Ident) > 1 {
			w.use(n.Ident[1])
		}
	case *parse.ChainNode:
		w.argument(n.Node)
	case *parse.PipeNode:
		w.pipe(n)
	case *parse.IdentifierNode:
		if _, own := w.funcs[n.Ident]; !own && !slices.Contains(language(), n.Ident) {
			w.refuse("the function "+shown(n.Ident)+" has no place here", "the functions are "+strings.Join(append(functionNames(), language()...), ", "))
		}
	}
}

func (w *walker) use(name string) {
	if !slices.Contains(w.uses, name) {
		w.uses = append(w.uses, name)
	}
}
