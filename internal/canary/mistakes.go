package main

import (
	"context"
	"os"
	"path/filepath"
)

// mistakes does what people do by mistake: a value in the estate, on the
// command line, in the wrong file. The command line is theirs and visible to
// all; what pawl says about it must not repeat it.
func mistakes(ctx context.Context, p *probe) error {
	s, err := p.site("mistakes", "pawl.yaml", ".pawl/key")
	if err != nil {
		return err
	}
	const pasted = "canary-pasted-6Wd1yS8fQ3jC0hP5oE7i"
	estates := []string{
		"pawl: 1\nestate: m\nconnections:\n  fly: {driver: fly, org: o, credential: " + pasted + "}\nsecrets: {}\n",
		"pawl: 1\nestate: m\nsecrets:\n  A: {issuer: {use: random}, value: " + pasted + "}\n",
		"pawl: 1\nestate: m\nsecrets:\n  A: {issuer: {use: random}, locations: \"none: x\", checks: \"none: x\", format: {pattern: \"" + pasted + "(\"}}\n",
		"pawl: 1\nestate: m\nsecrets: \"" + pasted + "\"\n",
		pasted,
	}
	for _, text := range estates {
		if err := os.WriteFile(filepath.Join(s.home, "pawl.yaml"), []byte(text), 0o600); err != nil {
			return err
		}
		for _, args := range [][]string{{"validate"}, {"validate", "--json"}, {"doctor"}} {
			if err := s.run(ctx, command{args: args, fails: true}); err != nil {
				return err
			}
		}
	}
	s.know(pasted)
	return nil
}
