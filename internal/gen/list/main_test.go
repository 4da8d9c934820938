package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../../.."

func TestListIsWritten(t *testing.T) {
	want, err := source(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, listed))
	if err != nil || string(got) != string(want) {
		t.Errorf("%s is not what go generate writes (%v); run: go generate ./driver/all", listed, err)
	}
}

func TestWhatIsADriver(t *testing.T) {
	dir := t.TempDir()
	for name, src := range map[string]string{
		"acme/acme.go":        "package acme\nfunc New() *Driver { return nil }\n",
		"borg/helper.go":      "package borg\n",
		"borg/borg.go":        "package borg\nfunc New() driver.Driver { return nil }\n",
		"rest/rest.go":        "package rest\nfunc New(c Config) *Client { return nil }\n",
		"method/method.go":    "package method\nfunc (x T) New() T { return x }\n",
		"nested/deep/deep.go": "package deep\nfunc New() *Driver { return nil }\n",
		"tested/x_test.go":    "package tested\nfunc New() *Driver { return nil }\n",
		"misnamed/other.go":   "package other\nfunc New() *Driver { return nil }\n",
		"driver.go":           "package driver\nfunc New() *Driver { return nil }\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := drivers(dir)
	if err != nil || strings.Join(got, " ") != "acme borg" {
		t.Errorf("the drivers are %q, %v; want acme and borg", got, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rest/a.go"), []byte("package rest\nfunc {"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := drivers(dir); err == nil {
		t.Error("a file that does not parse was passed over")
	}
}
