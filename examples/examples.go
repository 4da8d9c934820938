// Package examples has the estates of the examples that programs of this
// module run, as they are in their folders.
package examples

import _ "embed"

// Runbook is runbook/pawl.yaml.
//
//go:embed runbook/pawl.yaml
var Runbook []byte
