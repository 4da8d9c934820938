package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// every calls visit for each command below c.
func every(c *cobra.Command, visit func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		visit(sub)
		every(sub, visit)
	}
}

func TestEveryCommandHasAnExample(t *testing.T) {
	every(New(&App{Streams: System()}), func(c *cobra.Command) {
		if !strings.Contains(c.Example, "pawl") {
			t.Errorf("%s --help shows no example", c.CommandPath())
		}
	})
}

// TestTheCommandsPageNamesAll holds docs/use/commands.md to the command tree.
func TestTheCommandsPageNamesAll(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "use", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range New(&App{Streams: System()}).Commands() {
		if !strings.Contains(string(page), "| `"+c.CommandPath()) {
			t.Errorf("docs/use/commands.md does not name %s", c.CommandPath())
		}
	}
}
