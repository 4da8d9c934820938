package keyfile_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keyfile"
)

// text is a key file of 32 bytes.
func text(key []byte) string {
	return "pawl-key-1\n" + base64.StdEncoding.EncodeToString(key) + "\n"
}

var example = bytes.Repeat([]byte{0xA5}, 32)

func put(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}

func TestCreateThenLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	made, err := keyfile.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 || info.Size() != 56 {
		t.Errorf("mode %v and %d bytes, want -rw------- and 56", info.Mode(), info.Size())
	}
	loaded, err := keyfile.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if made.KeyID() != loaded.KeyID() {
		t.Error("another key is loaded than was made")
	}
	wrapped, err := made.Wrap(t.Context(), example, envelope.KeyBinding{ID: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := loaded.Unwrap(t.Context(), wrapped.Key, envelope.KeyBinding{ID: 1}); err != nil || !bytes.Equal(got, example) {
		t.Errorf("what the made key wraps, the loaded one does not unwrap: %v", err)
	}
}

func TestKeysDiffer(t *testing.T) {
	dir := t.TempDir()
	a, errA := keyfile.Create(filepath.Join(dir, "a"))
	b, errB := keyfile.Create(filepath.Join(dir, "b"))
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if a.KeyID() == b.KeyID() {
		t.Error("two files have one key")
	}
}

// TestCreateNeverReplaces: the key that is there opens the store that is there.
func TestCreateNeverReplaces(t *testing.T) {
	for name, occupy := range map[string]func(t *testing.T, path string){
		"a key":            func(t *testing.T, path string) { put(t, path, text(example), 0o600) },
		"an empty file":    func(t *testing.T, path string) { put(t, path, "", 0o600) },
		"a dangling link":  func(t *testing.T, path string) { link(t, path+".gone", path) },
		"a link to a file": func(t *testing.T, path string) { put(t, path+".real", "x", 0o600); link(t, path+".real", path) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			occupy(t, path)
			before := listing(t, filepath.Dir(path))
			_, err := keyfile.Create(path)
			if !errors.Is(err, fs.ErrExist) || pawl.CodeOf(err) != pawl.CodeStore || pawl.HintOf(err) == "" {
				t.Errorf("code %s, hint %q: %v", pawl.CodeOf(err), pawl.HintOf(err), err)
			}
			if after := listing(t, filepath.Dir(path)); after != before {
				t.Errorf("the folder was\n%sand is\n%s", before, after)
			}
		})
	}
}

func link(t *testing.T, to, path string) {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

// listing gives the names, modes and contents in a folder.
func listing(t *testing.T, dir string) string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(filepath.Join(dir, e.Name())) // a link may lead nowhere
		fmt.Fprintln(&out, e.Name(), info.Mode(), len(b), string(b))
	}
	return out.String()
}

func TestCreateWithoutAFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "key")
	_, err := keyfile.Create(path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) || pawl.HintOf(err) == "" {
		t.Errorf("hint %q: %v", pawl.HintOf(err), err)
	}
}

func TestLoadRefusesWhatOthersCanRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o660, 0o620, 0o602, 0o610, 0o601, 0o777, 0o440} {
		t.Run(mode.String(), func(t *testing.T) {
			put(t, path, text(example), mode)
			_, err := keyfile.Load(path)
			if err == nil {
				t.Fatal("it is loaded")
			}
			if want := "chmod 600 " + path; pawl.HintOf(err) != want || pawl.CodeOf(err) != pawl.CodeStore {
				t.Errorf("code %s, hint %q, want %q", pawl.CodeOf(err), pawl.HintOf(err), want)
			}
			if want := fmt.Sprintf("mode %04o", mode); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v: it lacks %q or the path", err, want)
			}
			mustHide(t, err)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		})
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		put(t, path, text(example), mode)
		if _, err := keyfile.Load(path); err != nil {
			t.Errorf("mode %v is refused: %v", mode, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLoadFollowsLinks: mounted secrets are links. What counts is the file.
func TestLoadFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	file, path := filepath.Join(dir, "real"), filepath.Join(dir, "key")
	put(t, file, text(example), 0o600)
	link(t, file, path)
	if _, err := keyfile.Load(path); err != nil {
		t.Errorf("a link to a key file is refused: %v", err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := keyfile.Load(path); err == nil || !strings.Contains(err.Error(), "others can read it") {
		t.Errorf("a link hides that others can read the key: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := keyfile.Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a dangling link: %v", err)
	}
}

func TestLoadRefusesWhatIsNoKey(t *testing.T) {
	good := text(example)
	for name, content := range map[string]string{
		"nothing":               "",
		"the head alone":        "pawl-key-1\n",
		"half a key":            good[:30],
		"31 bytes":              text(example[:31]),
		"33 bytes":              text(append(bytes.Clone(example), 1)),
		"48 bytes":              text(append(bytes.Clone(example), example[:16]...)),
		"no head":               good[11:],
		"a later head":          strings.Replace(good, "key-1", "key-2", 1),
		"a line before":         "\n" + good,
		"two keys":              good + good[11:],
		"text behind":           good + "x",
		"base64 for URLs":       strings.ReplaceAll(text(bytes.Repeat([]byte{0xFB}, 32)), "+", "-"),
		"bits behind the last":  strings.Replace(good, "U=", "V=", 1),
		"another last byte":     good[:len(good)-2] + "!\n",
		"as binary":             "pawl-key-1\n" + string(example),
		"many spaces behind":    good + strings.Repeat(" ", 1<<20),
		"a private key":         "-----BEGIN OPENSSH PRIVATE KEY-----\n",
		"zeros":                 strings.Repeat("\x00", 56),
		"the store by mistake":  "SQLite format 3\x00",
		"something of one page": strings.Repeat("x", 4096),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "bits behind the last" && content == good {
				t.Fatal("the example is not what its name says")
			}
			path := filepath.Join(t.TempDir(), "key")
			put(t, path, content, 0o600)
			_, err := keyfile.Load(path)
			if err == nil {
				t.Fatal("it is loaded")
			}
			if pawl.CodeOf(err) != pawl.CodeCorrupt || pawl.HintOf(err) == "" || !strings.Contains(err.Error(), path) {
				t.Errorf("code %s, hint %q: %v", pawl.CodeOf(err), pawl.HintOf(err), err)
			}
			mustHide(t, err)
		})
	}
}

// mustHide fails when an error has a run of the example key's characters.
func mustHide(t *testing.T, err error) {
	t.Helper()
	if strings.Contains(err.Error(), base64.StdEncoding.EncodeToString(example)[:8]) || strings.Contains(err.Error(), string(example[:4])) {
		t.Error("the error shows the key")
	}
}

func TestLoadTakesWhatEditorsDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for name, content := range map[string]string{
		"no newline at the end": strings.TrimSpace(text(example)),
		"one more":              text(example) + "\n",
	} {
		put(t, path, content, 0o600)
		if _, err := keyfile.Load(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadOfWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	_, err := keyfile.Load(path)
	if !errors.Is(err, fs.ErrNotExist) || pawl.HintOf(err) != "put it back from your backup" || strings.Count(err.Error(), path) != 1 {
		t.Errorf("hint %q: %v", pawl.HintOf(err), err)
	}
	if _, err := keyfile.Load(dir); pawl.CodeOf(err) != pawl.CodeCorrupt || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
}
