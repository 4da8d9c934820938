package fly_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/fly"
)

func TestLogsGoOnFromATokenAndBeginWithTheNewest(t *testing.T) {
	w := newWorld(t, fly.Config{})
	const path = "/api/v1/apps/web/logs?next_token="
	empty := w.person().call("GET", path, nil).want(200)
	if len(empty.list("data")) != 0 || empty.text("meta", "next_token") != "" {
		t.Error("an app that has logged nothing has lines")
	}
	for i := range 130 {
		w.AddLogLine("web", "info", fmt.Sprint("line ", i))
		w.pass(time.Millisecond)
	}
	first := w.person().call("GET", path, nil).want(200)
	if n := len(first.list("data")); n != 100 || first.text("data", 0, "attributes", "message") != "line 30" {
		t.Errorf("the newest lines are %d from %q on", n, first.text("data", 0, "attributes", "message"))
	}
	first.has([]any{"data", 0, "attributes"}, "timestamp", "level", "message", "instance", "region")
	if _, err := time.Parse(time.RFC3339Nano, first.text("data", 0, "attributes", "timestamp")); err != nil {
		t.Error(err)
	}
	token := first.text("meta", "next_token")
	if got := w.person().call("GET", path+token, nil).want(200); len(got.list("data")) != 0 || got.text("meta", "next_token") != token {
		t.Error("behind the newest line there is something, or the place has moved")
	}
	w.AddLogLine("web", "error", "one more")
	if got := w.person().call("GET", path+token, nil); len(got.list("data")) != 1 || got.text("data", 0, "attributes", "message") != "one more" {
		t.Errorf("behind the place there are %d lines", len(got.list("data")))
	}
	w.as("").call("GET", path, nil).want(401)
	w.person().call("GET", "/api/v1/apps/nobody/logs", nil).refused(404)
}
