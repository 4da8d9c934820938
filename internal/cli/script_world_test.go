package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pawlhq/pawl/internal/rehearsal"
)

// world is the key of a script's simulated vendors.
type world struct{}

type simulated struct {
	*rehearsal.World
	stop func() error
}

// vendors starts stand-ins of Fly.io and GitHub on loopback, with their estate
// in pawl.yaml, and asks them what is so.
//
//	vendors start [SOAK]
//	vendors stop            nobody answers any more
//	vendors turned          every place has a new token, and the first one is refused
//	vendors unturned        every place has the first token, and there is no other
//	vendors silent FILE...  no value is in these files or anywhere below the folder
func vendors(ts *testscript.TestScript, neg bool, args []string) {
	w, _ := ts.Value(world{}).(*simulated)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: vendors start|stop|turned|unturned|silent")
	}
	switch args[0] {
	case "start":
		w.start(ts, args[1:])
	case "stop":
		ts.Check(w.stop())
	case "turned":
		hold(ts, w.Violations())
	case "unturned":
		if w.AtFly() != w.Token || w.AtGitHub() != w.Token || w.Loaded() != w.Token || len(w.LiveDeployTokens()) != 1 {
			ts.Fatalf("not all is as before: %d tokens live", len(w.LiveDeployTokens()))
		}
	case "silent":
		texts := make([][]byte, 0, 2)
		for _, name := range args[1:] {
			texts = append(texts, []byte(ts.ReadFile(name)))
		}
		leaks, err := w.Leaks(texts...)
		ts.Check(err)
		hold(ts, leaks)
	default:
		ts.Fatalf("vendors: what is %s?", args[0])
	}
}

func hold(ts *testscript.TestScript, broken []string) {
	if len(broken) > 0 {
		ts.Fatalf("%v", broken)
	}
}

func (s *simulated) start(ts *testscript.TestScript, args []string) {
	var o rehearsal.Options
	if len(args) > 0 {
		soak, err := time.ParseDuration(args[0])
		ts.Check(err)
		o.Soak = soak
	}
	w, err := rehearsal.Start(ts.MkAbs("."), o)
	ts.Check(err)
	s.World, s.stop = w, sync.OnceValue(w.Close)
	ts.Defer(func() { ts.Check(s.stop()) })
}

// offer writes the token in place to a file, for stdin.
func offer(ts *testscript.TestScript, neg bool, args []string) {
	w, _ := ts.Value(world{}).(*simulated)
	if neg || len(args) != 1 || w.World == nil {
		ts.Fatalf("usage: offer FILE, after vendors start")
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	ts.Check(os.WriteFile(path, fmt.Appendln(nil, w.Token), 0o600))
}
