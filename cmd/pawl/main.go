// Command pawl rotates credentials. See the package documentation of
// github.com/pawlhq/pawl and docs/.
package main

import (
	"os"

	"github.com/pawlhq/pawl/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], cli.System())) }
