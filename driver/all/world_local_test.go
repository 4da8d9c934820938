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

// randomWorld needs nothing but the settings.
func randomWorld(testing.TB, *drivertest.Clock) drivertest.World {
	return drivertest.World{Cases: []drivertest.Case{
		{Role: estate.RoleIssuer, Kind: "value", Settings: estate.Settings{}},
	}}
}

// fileWorld is a folder with a dotenv file that has something else in it.
func fileWorld(t testing.TB, _ *drivertest.Clock) drivertest.World {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.env"), []byte("# settings\nPORT=8080\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := func(path string) estate.Settings {
		return estate.Settings{"path": path, "field": "SESSION_KEY", "mode": "0600"}
	}
	line := "consumer started\n"
	holds := func(s estate.Settings) (string, bool) {
		text, err := os.ReadFile(filepath.Join(dir, s.String("path")))
		if err != nil {
			return "", false
		}
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "SESSION_KEY="); ok {
				return strings.Trim(value, `"'`), true
			}
		}
		return "", false
	}
	return drivertest.World{Dir: dir, Cases: []drivertest.Case{
		{Role: estate.RoleLocation, Kind: "field", Settings: settings("app.env"), Other: settings("new.env"), Holds: holds},
		{Role: estate.RoleCheck, Kind: "log", Settings: estate.Settings{"path": "app.log", "expect": "started", "forbid": "crashed", "over": time.Minute}, Hostile: []string{},
			Outside: func(string) { appendTo(t, filepath.Join(dir, "app.log"), line) }, Break: func() { line = "crashed\n" }},
	}}
}

func appendTo(t testing.TB, path, text string) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}
