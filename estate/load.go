package estate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.yaml.in/yaml/v4"

	"github.com/pawlhq/pawl"
)

// formatVersion is the version of the file that this package reads.
const formatVersion = 1

// maxFile is the largest estate file.
const maxFile = 64 << 20

// Load reads and checks an estate file. What is wrong with its content comes
// back as Problems, all at once; what is wrong with the file as a *pawl.Error.
func Load(path string, c Catalog) (*Estate, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &pawl.Error{Code: pawl.CodeNotFound, Op: "read estate", On: path, Why: "there is no such file", Next: "pawl init, or name it with --file"}
	case err != nil:
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "read estate", On: path, Err: err}
	case info.IsDir():
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "read estate", On: path, Why: "it is a folder", Next: "name the file in it, such as pawl.yaml"}
	case info.Size() > maxFile:
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "read estate", On: path, Why: fmt.Sprintf("it has %d bytes; an estate has at most %d", info.Size(), maxFile),
			Next: "divide the estate into several files"}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "read estate", On: path, Err: err}
	}
	return Parse(path, data, c)
}

// Parse checks the content of an estate file; file is its name in messages.
// An error is always Problems.
func Parse(file string, data []byte, c Catalog) (*Estate, error) {
	return newDecoder(file, c).parse(data)
}

func (d *decoder) parse(data []byte) (*Estate, error) {
	d.lines = countLines(data)
	d.leaked(data)
	if root := d.tree(data); root != nil && d.weigh(root) {
		d.read(resolve(root))
	}
	if len(d.problems) > 0 {
		return nil, d.problems.tidy()
	}
	return d.finish(), nil
}

// decoder turns the YAML of one file into an Estate and collects what is
// wrong with it.
type decoder struct {
	file     string
	lines    int // of the file
	estate   *Estate
	drivers  *drivers
	forms    *forms
	people   map[Role]*Kind
	problems Problems
	guessed  int
	full     bool // more secrets than allowed: reported
	whole    bool // what no plan acts on yet may pass
	copies   int  // entries that environments add to those written

	scope    *scope // of the secret that is being read, nil elsewhere
	declared string // its name as written
	scopes   map[string]*scope

	links       map[string]link
	connections []string // what use may name, made when first needed
	drafts      []*draft
	byName      map[pawl.SecretName]int
	variants    map[string][]pawl.SecretName // by declared name, of secrets with environments
	names       []string                     // declared names, made when first needed
	places      map[string]placed

	zoned    map[string]Window // windows by their text
	trials   map[string]trial  // templates by mode, parts and text
	wordings map[string]*flaw  // texts for people, by themselves
}

func newDecoder(file string, c Catalog) *decoder {
	d := &decoder{file: file, estate: &Estate{Connections: map[string]Connection{}}, drivers: newDrivers(c), forms: newForms(), people: map[Role]*Kind{},
		scopes: map[string]*scope{}, links: map[string]link{}, byName: map[pawl.SecretName]int{}, variants: map[string][]pawl.SecretName{},
		places: map[string]placed{}, zoned: map[string]Window{}, trials: map[string]trial{}, wordings: map[string]*flaw{}}
	for _, r := range []Role{RoleIssuer, RoleLocation, RoleActivation, RoleCheck} {
		d.people[r] = personKind(r)
	}
	return d
}

// read goes through the file in the order in which things name each other,
// which need not be the order in which they are written.
func (d *decoder) read(root *yaml.Node) {
	top := &document{}
	readObject(d, root, d.forms.document, top, nil)
	sections := []struct {
		node *yaml.Node
		read func(*yaml.Node)
	}{
		{top.connections, d.readConnections}, {top.environments, d.readEnvironments}, {top.contacts, d.readContacts},
		{top.secrets, d.readSecrets}, {top.groups, d.readGroups},
	}
	for _, s := range sections {
		if s.node != nil {
			s.read(s.node)
		}
	}
	d.checkReferences()
	d.order()
}

// finish puts the secrets together.
func (d *decoder) finish() *Estate {
	d.estate.Secrets = make([]Secret, len(d.drafts))
	d.estate.at = make(map[pawl.SecretName]int, len(d.drafts))
	for i, s := range d.drafts {
		d.estate.Secrets[i] = s.Secret
		d.estate.at[s.Name] = i
	}
	return d.estate
}
