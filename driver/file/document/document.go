// Package document changes one field of a configuration document and leaves
// every other byte of it as it was: comments, order, blank lines, indentation,
// line endings, a byte order mark, a missing final newline.
//
// # Paths
//
// A path names one field by its segments, joined with dots: database.password,
// servers.0.token. A segment with other characters in it is put in double
// quotes, with \" and \\ inside: annotations."example.org/key". A path that
// starts with a slash is a JSON pointer: /annotations/example.org~1key. A
// segment that is a number is an index, from 0, where the document holds a
// list. Dotenv and Properties documents are flat: there the segments are
// joined with dots again, so spring.datasource.password is one key. A Plain
// document is one value and its path is empty.
//
// A YAML file may hold several documents. The path is looked for in all of
// them and must lead to a field in exactly one. A number and a colon in front
// of the path choose the document, from 0: 1:stringData.password.
//
// # What is refused
//
// Whatever is not certain is an error and changes nothing: a document that
// does not parse, a key that occurs twice on the path, a YAML alias, an anchor
// that other places use, a merged or explicitly tagged YAML value, a path
// through a scalar, a list element that does not exist. Set and Remove parse
// their own result and compare every other field before they return it.
//
// No error of this package holds a value or a key from a document, only the
// path that the caller gave, and a line and a column.
package document

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
)

// Format says how a document is written.
type Format string

// The formats.
const (
	Dotenv     Format = "dotenv"     // KEY=value lines; dialect described at dotenvSyntax
	JSON       Format = "json"       // RFC 8259, no comments
	YAML       Format = "yaml"       // one or more documents
	TOML       Format = "toml"       // version 1.0
	Properties Format = "properties" // java.util.Properties, read as UTF-8, written as ASCII
	Plain      Format = "plain"      // any bytes; the whole file is the value
)

// bom is the UTF-8 byte order mark.
const bom = "\uFEFF"

// Detect tells the format from a file's name alone. It never answers Plain:
// that a whole file is one secret has to be said.
func Detect(path string) (Format, bool) {
	base := strings.ToLower(filepath.Base(path))
	if base == ".env" || strings.HasPrefix(base, ".env.") {
		return Dotenv, true
	}
	switch filepath.Ext(base) {
	case ".env":
		return Dotenv, true
	case ".json":
		return JSON, true
	case ".yaml", ".yml":
		return YAML, true
	case ".toml":
		return TOML, true
	case ".properties":
		return Properties, true
	}
	return "", false
}

// Get gives the decoded value of one field. A number, a truth value or a null
// is given as it is written. found is false, without an error, when nothing is
// there; a field that holds an object or a list is an error of kind ErrPath.
// Of a Plain text the final line break is not part of the value.
func Get(f Format, doc []byte, path string) (value []byte, found bool, err error) {
	if f == Plain {
		return plainGet(doc, path)
	}
	op, err := begin(f, doc, path)
	if err != nil || op.at.node == nil {
		return nil, false, err
	}
	if err := op.scalarOnly(); err != nil {
		return nil, false, err
	}
	return []byte(op.at.node.value), true, nil
}

// Set gives the document with one field holding value. A field that is not
// there is added, with the parents that it lacks, in the document's own style.
// The type of the field stays: text stays text also when the new value looks
// like a number; a number stays a number when the new value is one, and else
// becomes text. doc is not changed. An empty doc is an empty document.
func Set(f Format, doc []byte, path string, value []byte) ([]byte, error) {
	if f == Plain {
		return plainSet(doc, path, value)
	}
	op, err := begin(f, doc, path)
	if err != nil {
		return nil, err
	}
	if !isText(value) {
		return nil, op.fail(ErrValue, "the new value is not UTF-8 text")
	}
	edits, err := op.setEdits(string(value))
	if err != nil {
		return nil, err
	}
	return op.settle(edits, func(after *operation) bool { return op.holds(after, string(value)) })
}

// setEdits gives the ways to write the value, best first.
func (op *operation) setEdits(value string) ([]edit, error) {
	if err := op.changeable(); err != nil {
		return nil, err
	}
	if op.at.node == nil {
		if err := op.mayAdd(); err != nil {
			return nil, err
		}
		return op.syntax.insert(op.body, op.at, value), nil
	}
	if err := op.scalarOnly(); err != nil {
		return nil, err
	}
	if op.at.node.value == value {
		return []edit{{}}, nil
	}
	return op.syntax.rewrite(op.body, op.at, value), nil
}

// Remove gives the document without one field: the undo of a Set that added
// it. A parent that is left empty stays; Remove takes such an empty parent too
// when it is named. A field that is not there is an error of kind ErrPath.
func Remove(f Format, doc []byte, path string) ([]byte, error) {
	if f == Plain {
		return nil, &Error{Format: f, Path: path, Kind: ErrPath, Why: "a plain document is one value and has no field to remove"}
	}
	op, err := begin(f, doc, path)
	if err != nil {
		return nil, err
	}
	if err := op.removable(); err != nil {
		return nil, err
	}
	return op.settle(op.syntax.remove(op.body, op.at), op.lacks)
}

// operation is one call on one document.
type operation struct {
	format Format
	path   string
	syntax syntax
	bom    string // what was in front of body
	body   []byte
	route  route
	roots  []*node
	at     place
}

// begin parses the path and the document and looks the path up.
func begin(f Format, doc []byte, path string) (*operation, error) {
	op := &operation{format: f, path: path}
	var ok bool
	if op.syntax, ok = syntaxOf(f); !ok {
		return nil, &Error{Format: f, Path: path, Kind: ErrPath, Why: "the format is not known"}
	}
	var err error
	if op.route, err = parseRoute(f, path); err != nil {
		return nil, err
	}
	op.body = doc
	if rest, found := bytes.CutPrefix(doc, []byte(bom)); found {
		op.bom, op.body = bom, rest
	}
	return op, op.read()
}

// read parses the body and finds the place of the route in it.
func (op *operation) read() error {
	err := checkText(op.body)
	if err == nil {
		op.roots, err = op.syntax.parse(op.body)
	}
	if err == nil {
		op.at, err = find(op.roots, op.route)
	}
	return op.located(err)
}

// syntax is what a format has to know.
type syntax interface {
	// parse gives the trees of the documents in body, at least one.
	parse(body []byte) ([]*node, error)
	// rewrite gives the ways to put value in the place of the scalar at p.
	rewrite(body []byte, p place, value string) []edit
	// insert gives the ways to add p.missing below p.parent().
	insert(body []byte, p place, value string) []edit
	// remove gives the ways to take the entry at p away.
	remove(body []byte, p place) []edit
}

func syntaxOf(f Format) (syntax, bool) {
	switch f {
	case Dotenv:
		return dotenvSyntax{}, true
	case JSON:
		return jsonSyntax{}, true
	case YAML:
		return yamlSyntax{}, true
	case TOML:
		return tomlSyntax{}, true
	case Properties:
		return propertiesSyntax{}, true
	}
	return nil, false
}

// edit replaces body[start:end] by text.
type edit struct {
	start, end int
	text       string
}

func (e edit) apply(body []byte) []byte {
	return slices.Concat(body[:e.start], []byte(e.text), body[e.end:])
}
