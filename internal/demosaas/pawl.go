package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/examples"
	"github.com/pawlhq/pawl/internal/person"
	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/internal/system/command"
)

// processes are those of the command line, which may be killed.
type processes struct {
	self    string
	file    string
	env     []string
	verbose bool
	most    int // kills for each secret
	dice    *rand.Rand
	said    bytes.Buffer // everything that it printed

	kills int
	of    map[string]int // by secret
}

func newProcesses(s *system.System, self string, o options) (*processes, error) {
	p := &processes{self: self, file: filepath.Join(s.Dir, "pawl.yaml"), verbose: o.verbose, most: o.kills, dice: o.dice(), of: map[string]int{}}
	p.env = append(s.Environment(), "PAWL_ACTOR=demo", "HOME="+s.Dir)
	return p, os.WriteFile(p.file, examples.Runbook, 0o600)
}

// killWithin is the time in which a process is killed, if it lives for so long.
const killWithin = 1500 * time.Millisecond

// run runs a command to its end, and gives its exit status and what it printed.
// Processes that move a rotation are killed now and then; what a person types
// then is resume, or the command again where nothing had begun.
func (p *processes) run(ctx context.Context, in string, args ...string) (int, string) {
	moves := len(args) > 1 && (args[0] == "rotate" || args[0] == "resume")
	before := 0
	if moves && p.of[args[1]] < p.most {
		before = len(p.history(ctx, args[1]))
	}
	first := args
	for {
		limit := time.Duration(0)
		if moves && p.of[args[1]] < p.most {
			limit = time.Duration(p.dice.Int64N(int64(killWithin)))
		}
		code, text, killed := p.process(ctx, in, limit, args)
		if !killed {
			return code, text
		}
		p.kills++
		p.of[args[1]]++
		list := p.history(ctx, args[1])
		switch {
		case len(list) == 0:
			args = first
		case list[0].Outcome == string(pawl.Open) || list[0].Outcome == string(pawl.Held):
			args = []string{"resume", args[1]}
		case first[0] == "resume" || len(list) > before:
			if list[0].Outcome == person.Done {
				return 0, "" // it had ended, and only its answer is lost
			}
			return 1, "it was killed, and is " + list[0].Outcome
		default:
			args = first
		}
	}
}

// past is what is read of `pawl history NAME --json`. The outcome of one that has
// not ended is open or held.
type past struct{ Outcome string }

// history lists the rotations of a secret, newest first.
func (p *processes) history(ctx context.Context, name string) []past {
	_, out, _ := p.process(ctx, "", 0, []string{"history", name, "--json"})
	var doc struct{ Rotations []past }
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		return nil
	}
	return doc.Rotations
}

// process runs one process, and kills it after a time that is not 0.
func (p *processes) process(ctx context.Context, in string, kill time.Duration, args []string) (code int, text string, killed bool) {
	var out, errs bytes.Buffer
	outs, told := io.Writer(&out), io.Writer(&errs)
	if p.verbose {
		fmt.Printf("$ pawl %s\n", strings.Join(args, " "))
		outs, told = io.MultiWriter(&out, os.Stdout), io.MultiWriter(&errs, os.Stdout)
	}
	c := exec.CommandContext(ctx, p.self, append(append([]string{command.Role}, args...), "--file", p.file)...)
	c.Env, c.Stdin, c.Stdout, c.Stderr = p.env, strings.NewReader(in), outs, told
	if err := c.Start(); err != nil {
		return -1, err.Error(), false
	}
	if kill > 0 {
		timer := time.AfterFunc(kill, func() { _ = c.Process.Kill() }) // it may have ended already
		defer timer.Stop()
	}
	err := c.Wait()
	p.said.Write(errs.Bytes())
	p.said.Write(out.Bytes())
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		return -1, err.Error(), false
	}
	if code == -1 && kill > 0 && ctx.Err() == nil {
		if p.verbose {
			fmt.Println("  killed")
		}
		return code, "", true
	}
	if out.Len() > 0 && slices.Contains(args, "--json") {
		return code, out.String(), false
	}
	return code, errs.String() + out.String(), false
}
