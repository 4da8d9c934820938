// Command pawl rotates credentials. See the package documentation of
// github.com/pawlhq/pawl and docs/.
package main

import (
	"os"

	"github.com/pawlhq/pawl/internal/cli"
)

func main() {
	if code, ok := cli.Program(); ok {
		os.Exit(code)
	}
	os.Exit(cli.Main(os.Args[1:], cli.System()))
}
