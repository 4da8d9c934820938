package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// programs turns secrets that a user's programs mint and hold, that pawl
// draws, and that a person mints, in files and behind programs. Each program
// writes down its own arguments and environment.
func programs(ctx context.Context, p *probe) error {
	s, err := p.site("programs", "/keystore/", "/app.env", "/own.credential", ".pawl/key")
	if err != nil {
		return err
	}
	if err := s.furnish(); err != nil {
		return err
	}
	const first, handed = "canary-current-7Qm2xV9rT4kL8wZ1pN6s", "canary-handed-3Hf8cJ5bY0dG7uR2eK9a"
	err = s.all(ctx, []command{
		{args: []string{"provide", "DRAWN", "--current"}, stdin: first + "\n"},
		{args: []string{"provide", "MINTED", "--current", "--credential", "first.1"}, stdin: minted + "\n"},
		{args: []string{"doctor"}},
		{args: []string{"rotate", "MINTED"}},
		{args: []string{"rotate", "DRAWN", "--json"}},
		{args: []string{"rotate", "HANDED"}, fails: true}, // it waits for a person
		{args: []string{"status"}},
		{args: []string{"provide", "HANDED"}, stdin: handed + "\n"},
		{args: []string{"resume"}, may: true}, // it waits for the old one's end
		{args: []string{"rotate", "MINTED"}},
		{args: []string{"rotate", "BROKEN"}, fails: true}, // its second place refuses, and it is put back
	})
	if err != nil {
		return err
	}
	if err := s.all(ctx, readers("MINTED")); err != nil {
		return err
	}
	s.know(first, minted, handed, own)
	return errors.Join(s.knowFiles(), s.knowKey())
}

// own is pawl's own credential at the key store, and minted the key that is
// there at first.
const (
	own    = "canary-own-credential-5tG8nB1vX4zM"
	minted = "canary-minted-1kR7bN5xD2sA9qF4tY8u"
)

const programEstate = `pawl: 1
estate: programs
connections:
  store:  {driver: exec, command: [./watched.sh, keystore], form: lines, credential: "exec:./credential.sh"}
  broken: {driver: exec, command: [./broken.sh], form: lines}
secrets:
  MINTED:
    issuer: {use: store, kind: program, target: minted}
    locations:
      - {use: store, kind: program, target: minted}
      - {use: file, kind: field, path: app.env, field: MINTED}
    checks: [{use: store, kind: program_with_value, target: minted}]
    retire: {after: 0s}
  DRAWN:
    issuer: {use: random}
    format: {prefix: drawn-, bytes: 24}
    locations:
      - {use: store, kind: program_write_only, target: drawn}
      - {use: file, kind: field, path: app.env, field: DRAWN}
    checks: [{use: store, kind: program, target: drawn}]
    retire: {after: 0s}
  HANDED:
    issuer: {use: person}
    locations: [{use: store, kind: program, target: handed}]
    checks: [{use: store, kind: program_with_value, target: handed}]
    retire: {mode: keep, why: the canary's vendor keeps it}
  BROKEN:
    issuer: {use: random}
    locations:
      - {use: file, kind: field, path: app.env, field: BROKEN}
      - {use: broken, kind: program, target: broken}
    checks: "none: it fails before"
    retire: {after: 0s}
`

// watched runs the key store of the examples, after it wrote down what others
// can see of it.
const watched = `#!/bin/sh
mkdir -p seen
tr '\0' '\n' </proc/$$/cmdline >"seen/$$.cmdline"
tr '\0' '\n' </proc/$$/environ >"seen/$$.environ"
exec ./keystore.sh "$@"
`

// broken answers every write with an error that repeats the request, on both
// of its streams.
const broken = `#!/bin/sh
request=$(cat)
case $request in
*act=put*)
	printf '%s\n' "$request" >&2
	printf 'error.kind=invalid\nerror.effect=none\nerror.why=%s\n' "$(printf %s "$request" | tr '\n' ' ')"
	;;
*) printf 'ok=true\nexists=false\ngrants.0.need=x\ngrants.0.has=yes\n' ;;
esac
`

func (s *site) furnish() error {
	store, err := os.ReadFile(filepath.Join("examples", "exec", "keystore.sh"))
	if err != nil {
		return fmt.Errorf("run it from the top of the repository: %w", err)
	}
	scripts := map[string]string{"keystore.sh": string(store), "watched.sh": watched, "broken.sh": broken,
		"credential.sh": "#!/bin/sh\ncat own.credential\n"}
	keys := filepath.Join(s.home, "keystore", "keys", "minted")
	copies := filepath.Join(s.home, "keystore", "copies")
	err = errors.Join(os.MkdirAll(keys, 0o700), os.MkdirAll(copies, 0o700))
	for name, text := range scripts {
		err = errors.Join(err, os.WriteFile(filepath.Join(s.home, name), []byte(text), 0o700))
	}
	return errors.Join(err,
		os.WriteFile(filepath.Join(keys, "first.1"), []byte(minted), 0o600),
		os.WriteFile(filepath.Join(copies, "minted"), []byte(minted), 0o600),
		os.WriteFile(filepath.Join(copies, "drawn"), []byte("before"), 0o600),
		os.WriteFile(filepath.Join(s.home, "own.credential"), []byte(own+"\n"), 0o600),
		os.WriteFile(filepath.Join(s.home, "app.env"), []byte("MINTED=before\nDRAWN=before\nBROKEN=before\n"), 0o600),
		os.WriteFile(filepath.Join(s.home, "pawl.yaml"), []byte(programEstate), 0o600))
}

// knowFiles adds the values that the places hold now.
func (s *site) knowFiles() error {
	env, err := os.ReadFile(filepath.Join(s.home, "app.env"))
	for line := range strings.Lines(string(env)) {
		_, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		s.know(v)
	}
	copies, globErr := filepath.Glob(filepath.Join(s.home, "keystore", "copies", "*"))
	for _, path := range copies {
		b, readErr := os.ReadFile(path)
		err = errors.Join(err, readErr)
		s.know(string(b))
	}
	return errors.Join(err, globErr)
}
