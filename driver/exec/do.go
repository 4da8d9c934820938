package exec

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	osexec "os/exec"
	"strings"
	"time"
	"unicode"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// do runs the program for one act and reads its reply. It returns only
// *driver.Error.
func (c *conn) do(ctx context.Context, a call) (*reply, error) {
	login, err := c.login(ctx)
	if err != nil {
		return nil, a.fail(driver.Unauthenticated, pawl.EffectNone, "the connection's own credential cannot be read", err)
	}
	values := a.values(login)
	input, err := a.encode(c.lines, values)
	defer clear(input)
	if err != nil {
		return nil, a.fail(driver.Invalid, pawl.EffectNone, err.Error(), nil)
	}
	got := c.program.run(ctx, input)
	r, why := a.judge(got, c.lines, scrubber(values))
	if why != nil {
		return nil, why
	}
	r.call = a
	return r, nil
}

func (c *conn) login(ctx context.Context) (secret.Value, error) {
	if c.env.Credential == nil {
		return secret.Value{}, nil
	}
	return c.env.Credential(ctx)
}

func scrubber(values []sent) *secret.Scrubber {
	var list []secret.Value
	for _, v := range values {
		list = append(list, v.value)
	}
	return secret.NewScrubber(list...)
}

// judge decides what a run means. A reply counts only from a program that
// was not ended early and whose exit status agrees with it.
func (a call) judge(got ran, lines bool, s *secret.Scrubber) (*reply, error) {
	switch {
	case !got.started && got.ended != nil:
		return nil, a.fail(driver.Unavailable, pawl.EffectNone, "it was stopped before the program was started", got.ended)
	case !got.started:
		return nil, a.notStarted(got.err)
	case got.ended != nil:
		clear(got.out)
		return nil, a.fail(driver.Unavailable, a.lost(), "the program took too long or was stopped, and was ended", got.ended)
	case got.tooLong:
		clear(got.out)
		return nil, a.fail(driver.Malformed, a.lost(), "the program's reply is longer than 1 MiB", nil)
	}
	r, err := decode(got.out, lines)
	switch {
	case err == nil && r.Error != nil:
		return nil, a.refused(r.Error, s)
	case got.err != nil:
		return nil, a.fail(driver.Internal, a.lost(), status(got.err)+a.quote(got.message, s), nil)
	case err != nil:
		return nil, a.fail(driver.Malformed, a.lost(), err.Error()+a.quote(got.message, s), nil)
	default:
		return r, nil
	}
}

func (a call) fail(k driver.ErrorKind, effect pawl.Effect, why string, err error) error {
	return &driver.Error{Op: a.op(), On: a.on(), Kind: k, Effect: effect, Why: why, Err: err}
}

func (a call) notStarted(err error) error {
	why := "the program cannot be started"
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, osexec.ErrNotFound):
		why += ": it, or the folder to run it in, is not there"
	case errors.Is(err, fs.ErrPermission):
		why += ": it may not be executed"
	}
	return &driver.Error{Op: a.op(), On: a.on(), Kind: driver.Internal, Effect: pawl.EffectNone, Why: why,
		Next: "check command and dir of the connection"}
}

func status(err error) string {
	var exit *osexec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return fmt.Sprintf("the program failed with exit status %d", exit.ExitCode())
	}
	return "the program was ended by a signal, or its output was lost"
}

// quote gives the last line of standard error as a reason, without what was
// sent. A program that answers with a value may have printed that value, which
// nobody can tell, so nothing of it is shown.
func (a call) quote(message string, s *secret.Scrubber) string {
	if message == "" || a.gives {
		return ""
	}
	return ": " + short(s.Scrub(message))
}

const maxWhy = 200

// short makes a line for people of a program's text.
func short(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
	if r := []rune(text); len(r) > maxWhy {
		text = string(r[:maxWhy]) + "…"
	}
	return strings.Join(strings.Fields(text), " ")
}

// refused turns the error of a reply into the contract's. What the program
// says of the effect is believed; without a word the act may have happened.
func (a call) refused(f *failure, s *secret.Scrubber) error {
	e := &driver.Error{Op: a.op(), On: a.on(), Kind: driver.ErrorKind(f.Kind), Effect: pawl.Effect(f.Effect),
		RetryAfter: min(time.Duration(f.RetryAfter), time.Hour), Why: short(s.Scrub(f.Why)), Next: short(s.Scrub(f.Next))}
	if !known(e.Kind, driver.Unauthenticated, driver.Denied, driver.NotFound, driver.Conflict, driver.Quota, driver.Limited,
		driver.Unavailable, driver.Malformed, driver.Invalid, driver.Unsupported, driver.Internal) {
		e.Kind = driver.Internal
	}
	if !known(e.Effect, pawl.EffectNone, pawl.EffectApplied, pawl.EffectUnknown) {
		e.Effect = a.lost()
	}
	return e
}
