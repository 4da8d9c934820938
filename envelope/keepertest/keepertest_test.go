package keepertest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keepertest"
)

// faulty is a keeper with one fault.
type faulty struct {
	*envelope.KeyKeeper
	fault string
	down  bool
}

func (f *faulty) KeyID() string {
	if f.fault == "key in the name" {
		return fmt.Sprintf("key:%x", example(1))
	}
	return f.KeyKeeper.KeyID()
}

func (f *faulty) Wrap(ctx context.Context, dek []byte, b envelope.KeyBinding) (envelope.Wrapped, error) {
	switch {
	case ctx.Err() != nil:
		return envelope.Wrapped{}, ctx.Err()
	case f.down:
		return envelope.Wrapped{}, f.outage()
	case f.fault == "unbound":
		b = envelope.KeyBinding{}
	case f.fault == "unbound scope":
		b.Scope = ""
	case f.fault == "plain":
		return envelope.Wrapped{Key: bytes.Clone(dek)}, nil
	case f.fault == "logs":
		log.Printf("wrap %x", example(1))
	}
	w, err := f.KeyKeeper.Wrap(ctx, dek, b)
	if f.fault == "clears" {
		clear(dek)
	}
	return w, err
}

func (f *faulty) Unwrap(ctx context.Context, wrapped []byte, b envelope.KeyBinding) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if f.down {
		return nil, f.outage()
	}
	switch f.fault {
	case "unbound":
		b = envelope.KeyBinding{}
	case "unbound scope":
		b.Scope = ""
	case "plain":
		return bytes.Clone(wrapped), nil
	case "ignores the tail":
		wrapped = wrapped[:min(len(wrapped), 24+32+16)]
	case "another error":
		if got, err := f.KeyKeeper.Unwrap(ctx, wrapped, b); err == nil {
			return got, nil
		}
		return nil, errors.New("no")
	}
	return f.KeyKeeper.Unwrap(ctx, wrapped, b)
}

func (f *faulty) outage() error {
	switch f.fault {
	case "outage as corruption":
		return envelope.ErrUnwrap
	case "key in the error":
		return fmt.Errorf("no answer for %x", example(1))
	}
	return errors.New("no answer")
}

func example(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// TestFaulty is the suite over one faulty keeper, run by TestSuiteCatches.
func TestFaulty(t *testing.T) {
	fault, asked := os.LookupEnv("KEEPERTEST_FAULT")
	if !asked {
		fault = "none"
	}
	keepertest.Run(t, func(t *testing.T) keepertest.Subject {
		open := func(b byte) *faulty {
			k, err := envelope.NewKeyKeeper(example(b))
			if err != nil {
				t.Fatal(err)
			}
			return &faulty{KeyKeeper: k, fault: fault}
		}
		k := open(1)
		return keepertest.Subject{Keeper: k, Again: open(1), Other: open(2), Hidden: []string{string(example(1))},
			Break: map[keepertest.Outage]func(*testing.T) func(){
				keepertest.Gone: func(*testing.T) func() { k.down = true; return func() { k.down = false } },
			}}
	})
}

// TestSuiteCatches: a suite that passes everything proves nothing.
func TestSuiteCatches(t *testing.T) {
	for fault, where := range map[string]string{
		"unbound": "binding", "unbound scope": "binding", "plain": "round_trip", "clears": "round_trip", "logs": "round_trip",
		"ignores the tail": "tampering", "another error": "tampering", "key in the name": "names",
		"outage as corruption": "outages", "key in the error": "outages",
	} {
		t.Run(fault, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFaulty$/^"+where+"$")
			cmd.Env = append(os.Environ(), "KEEPERTEST_FAULT="+fault)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !strings.Contains(string(out), "--- FAIL: TestFaulty/"+where) {
				t.Errorf("the suite passes it: %v\n%s", err, out)
			}
		})
	}
}
