package all_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
)

// execWorld runs the program that docs/formats/exec-protocol.md shows.
func execWorld(t testing.TB, _ *drivertest.Clock) drivertest.World {
	script, err := filepath.Abs("../../examples/exec/keystore.sh")
	if err != nil {
		t.Fatal(err)
	}
	store := t.TempDir()
	copyOf := func(s estate.Settings) string { return filepath.Join(store, "copies", s.String("target")) }
	holds := func(s estate.Settings) (string, bool) {
		text, err := os.ReadFile(copyOf(s))
		return string(text), err == nil
	}
	hold(t, filepath.Join(store, "copies", "seen"), "something")
	hold(t, filepath.Join(store, "copies", "tried"), heldValue)
	hold(t, filepath.Join(store, "copies", "tenant-one"), "something")
	hold(t, filepath.Join(store, "copies", "tenant-two"), "something")
	loaded := func(value string) bool {
		text, ok := holds(execTarget("billing"))
		return ok && text == value
	}
	return drivertest.World{Dir: t.TempDir(),
		Settings: estate.Settings{"command": []string{"sh", script, store}, "form": "lines", "timeout": time.Minute},
		Cases: []drivertest.Case{
			{Role: estate.RoleIssuer, Kind: "program", Settings: execTarget("billing"), Other: execTarget("search")},
			{Role: estate.RoleIssuer, Kind: "program_replaced", Settings: execTarget("login")},
			{Role: estate.RoleLocation, Kind: "program", Settings: execTarget("billing"), Other: execTarget("search"), Holds: holds, Loaded: loaded},
			{Role: estate.RoleLocation, Kind: "program_write_only", Settings: execTarget("billing"), Other: execTarget("search"), Holds: holds, Loaded: loaded},
			{Role: estate.RoleActivation, Kind: "program", Settings: execTarget("billing"), Other: execTarget("search")},
			{Role: estate.RoleCheck, Kind: "program", Settings: execTarget("seen"), Break: func() { remove(t, copyOf(execTarget("seen"))) }},
			{Role: estate.RoleCheck, Kind: "program_with_value", Settings: execTarget("tried"), Break: func() { remove(t, copyOf(execTarget("tried"))) }},
			{Role: estate.RoleDiscovery, Kind: "program", Settings: execTarget("tenant-"), Found: []estate.Settings{execTarget("tenant-one"), execTarget("tenant-two")}},
		},
	}
}

func execTarget(name string) estate.Settings { return estate.Settings{"target": name} }

func hold(t testing.TB, path, text string) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.TrimSpace(text)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, path string) {
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
