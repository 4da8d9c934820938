package local

import "testing"

// TestWhatANameProves holds when a name is proof of death. Taking a live
// process for a dead one is a double run; the other mistake costs a wait.
func TestWhatANameProves(t *testing.T) {
	me := view{host: "h~1234abcd", boot: "b1", space: "7"}
	anonymous := view{host: "h", boot: "b1", space: "7"} // a machine without an id
	const gone = "4194305"                               // above the largest id that Linux gives (proc(5), pid_max)
	for _, c := range []struct {
		name   string
		from   view
		holder string
		dead   bool
	}{
		{"no such process", me, "h~1234abcd/b1~7/" + gone + "/55", true},
		{"an earlier boot of this machine", me, "h~1234abcd/b0~7/1/55", true},
		{"a boot of some machine of this name", anonymous, "h/b0~7/1/55", false},
		{"this boot, machine without an id", anonymous, "h/b1~7/" + gone + "/55", true},
		{"another host", me, "other~1234abcd/b1~7/" + gone + "/55", false},
		{"a cloned name on another machine", me, "h~99999999/b0~7/" + gone + "/55", false},
		{"another container on this machine", me, "h~1234abcd/b1~8/" + gone + "/55", false},
		{"another container, an earlier boot", me, "h~1234abcd/b0~8/1/55", false},
		{"a start time that was not told", me, "h~1234abcd/b1~7/" + gone + "/", false},
		{"a boot that was not told", me, "h~1234abcd/~7/" + gone + "/55", false},
		{"seen from where no boot is told", view{host: "h~1234abcd", space: "7"}, "h~1234abcd/b1~7/" + gone + "/55", false},
		{"no number", me, "h~1234abcd/b1~7/x/55", false},
		{"a group of processes", me, "h~1234abcd/b1~7/-1/55", false},
		{"process 0", me, "h~1234abcd/b1~7/0/55", false},
		{"too few parts", me, "h~1234abcd/b1~7/" + gone, false},
		{"too many parts", me, "h~1234abcd/b1~7/" + gone + "/55/1", false},
		{"a name of another kind", me, "worker-1", false},
		{"nothing", me, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.from.dead(c.holder); got != c.dead {
				t.Errorf("dead is %t, want %t", got, c.dead)
			}
		})
	}
}

// TestParseStat reads lines in the form of proc(5).
func TestParseStat(t *testing.T) {
	const rest = " 1 2 3 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 5566 1000 200 0"
	for _, c := range []struct {
		name, line, started string
		there               bool
	}{
		{"a sleeping process", "77 (pawl) S" + rest, "5566", true},
		{"a name with brackets and spaces", "77 (a) Z (b) R" + rest, "5566", true},
		{"a zombie", "77 (pawl) Z" + rest, "", false},
		{"a dead one", "77 (pawl) X" + rest, "", false},
		{"a short line", "77 (pawl) S 1 2", "", true},
		{"nothing", "", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if started, there := parseStat(c.line); started != c.started || there != c.there {
				t.Errorf("got %q and %t, want %q and %t", started, there, c.started, c.there)
			}
		})
	}
}
