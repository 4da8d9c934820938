package credential_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/credential"
	"github.com/pawlhq/pawl/secret"
)

const value = "c4n4ry-example-value"

func ref(t *testing.T, s string) estate.Reference {
	t.Helper()
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok {
		t.Fatalf("%q is no reference", s)
	}
	return estate.Reference{Scheme: scheme, Rest: rest}
}

// mustGive fails unless the reference gives the value.
func mustGive(t *testing.T, r *credential.Resolver, reference, want string) {
	t.Helper()
	v, err := r.Resolve(t.Context(), ref(t, reference))
	if err != nil {
		t.Errorf("%s: %v", reference, err)
	} else if !v.Equal(secret.NewString(want)) {
		t.Errorf("%s: another value came back: %d bytes, want %d", reference, v.Len(), len(want))
	}
}

// mustFail fails unless the reference is refused with what an operator needs:
// which reference, why, what next; and nothing of a value.
func mustFail(t *testing.T, r *credential.Resolver, reference, why string) error {
	t.Helper()
	v, err := r.Resolve(t.Context(), ref(t, reference))
	if err == nil || !v.Empty() {
		t.Fatalf("%s: it gives a value of %d bytes, and %v", reference, v.Len(), err)
	}
	if pawl.CodeOf(err) != pawl.CodeUnauthorised || pawl.HintOf(err) == "" {
		t.Errorf("%s: code %s, hint %q", reference, pawl.CodeOf(err), pawl.HintOf(err))
	}
	if text := err.Error(); !strings.Contains(text, why) || !strings.Contains(text, reference) {
		t.Errorf("%q lacks %q or the reference %s", text, why, reference)
	}
	if strings.Contains(err.Error(), value) {
		t.Errorf("%s: the error shows the value", reference)
	}
	return err
}

func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEnvironment(t *testing.T) {
	t.Setenv("PAWL_TEST_TOKEN", value)
	t.Setenv("PAWL_TEST_EMPTY", "")
	r := &credential.Resolver{}
	mustGive(t, r, "env:PAWL_TEST_TOKEN", value)
	for _, name := range []string{"PAWL_TEST_EMPTY", "PAWL_TEST_MISSING"} {
		err := mustFail(t, r, "env:"+name, "not set, or empty")
		if !strings.Contains(pawl.HintOf(err), "export "+name+"=") {
			t.Errorf("the hint is %q", pawl.HintOf(err))
		}
	}
	t.Setenv("PAWL_TEST_TOKEN", value+"\n")
	mustGive(t, r, "env:PAWL_TEST_TOKEN", value+"\n") // only files and programs end lines
}

func TestEnvironmentCanBeGiven(t *testing.T) {
	t.Setenv("PAWL_TEST_TOKEN", "of the process")
	r := &credential.Resolver{Getenv: func(name string) string { return map[string]string{"PAWL_TEST_TOKEN": value}[name] }}
	mustGive(t, r, "env:PAWL_TEST_TOKEN", value)
	mustFail(t, r, "env:PATH", "not set, or empty")
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	r := &credential.Resolver{Dir: dir}
	for content, want := range map[string]string{
		value:                      value,
		value + "\n":               value,
		value + "\r\n":             value,
		value + "\n\n":             value + "\n",
		value + "\r":               value + "\r",
		value + " ":                value + " ",
		"\n" + value:               "\n" + value,
		strings.Repeat("v", 65536): strings.Repeat("v", 65536),
	} {
		path := put(t, filepath.Join(dir, "token"), content)
		mustGive(t, r, "file:"+path, want)
		mustGive(t, r, "file:token", want) // relative to the estate
	}
	for _, content := range []string{"", "\n", "\r\n"} {
		put(t, filepath.Join(dir, "token"), content)
		mustFail(t, r, "file:token", "it is empty")
	}
	put(t, filepath.Join(dir, "token"), strings.Repeat(value, 65536/len(value)+1))
	mustFail(t, r, "file:token", "more than 65536 bytes")
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	r := &credential.Resolver{Dir: dir}
	if err := mustFail(t, r, "file:missing", "no such file"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
	mustFail(t, r, "file:.", "not a regular file")
	mustFail(t, r, "file:/dev/zero", "not a regular file") // it would never end
}

// TestFilesAreReadAnew holds that no value is kept: a credential that was
// rotated is the new one from then on.
func TestFilesAreReadAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	r := &credential.Resolver{}
	put(t, path, "first")
	mustGive(t, r, "file:"+path, "first")
	put(t, path, "second")
	mustGive(t, r, "file:"+path, "second")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustFail(t, r, "file:"+path, "no such file")
}

func TestSecretsOfTheEstate(t *testing.T) {
	asked := 0
	r := &credential.Resolver{Secret: func(_ context.Context, name pawl.SecretName) (secret.Value, error) {
		asked++
		switch name {
		case "OWN":
			return secret.NewString(value), nil
		case "EMPTY":
			return secret.Value{}, nil
		default:
			return secret.Value{}, &pawl.Error{Code: pawl.CodeNotFound, Op: "read", Why: "it has no version", Next: "not this hint"}
		}
	}}
	mustGive(t, r, "secret:OWN", value)
	mustGive(t, r, "secret:OWN", value)
	if asked != 2 {
		t.Errorf("the store was asked %d times for two uses: a value is kept", asked)
	}
	mustFail(t, r, "secret:EMPTY", "it is empty")
	if err := mustFail(t, r, "secret:OTHER", "it has no version"); pawl.HintOf(err) != "pawl provide OTHER --current" {
		t.Errorf("the hint is %q", pawl.HintOf(err))
	}
	mustFail(t, &credential.Resolver{}, "secret:OWN", "cannot be read here")
}

func TestOtherReferences(t *testing.T) {
	mustFail(t, &credential.Resolver{}, "vault:kv/token", `"vault" are not supported`)
}
