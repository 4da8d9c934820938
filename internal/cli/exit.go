package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/rotation"
)

// The exit statuses. docs/use/exit-codes.md is their table for people.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitPending     = 3
	exitAuth        = 4
	exitHeld        = 5
	exitInterrupted = 130
)

// exitStatus gives the status for an error.
func exitStatus(err error) int {
	var usage usageError
	var problems estate.Problems
	if err == nil {
		return exitOK
	}
	if errors.As(err, &usage) || errors.As(err, &problems) {
		return exitUsage
	}
	var d *driver.Error
	if errors.As(err, &d) && (d.Kind == driver.Unauthenticated || d.Kind == driver.Denied) {
		return exitAuth
	}
	switch pawl.CodeOf(err) {
	case pawl.CodeInvalid:
		return exitUsage
	case pawl.CodePending:
		return exitPending
	case pawl.CodeUnauthorised:
		return exitAuth
	case pawl.CodeHeld:
		return exitHeld
	case pawl.CodeInterrupted:
		return exitInterrupted
	default:
		return exitFailed
	}
}

// printError says what failed and what to do next.
func printError(w io.Writer, err error) {
	var problems estate.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(w, problems.Error())
		return
	}
	fmt.Fprintf(w, "pawl: %v\n", err)
	if next := nextFor(err); next != "" {
		fmt.Fprintf(w, "next: %s\n", next)
	}
}

// printFailure writes the error as a document with --json, unless the result
// is out already and says it.
func (a *App) printFailure(err error) error {
	if !a.JSON || a.printed {
		return nil
	}
	doc := failureDoc{Error: errorDoc{Code: pawl.CodeOf(err), Message: err.Error(), Next: nextFor(err)}}
	var usage usageError
	var problems estate.Problems
	if errors.As(err, &usage) {
		doc.Error.Code = pawl.CodeInvalid
	}
	if errors.As(err, &problems) {
		doc.Error = errorDoc{Code: pawl.CodeInvalid, Message: fmt.Sprintf("the estate has %d problems", len(problems)), Next: "pawl validate"}
		for _, p := range problems {
			doc.Problems = append(doc.Problems, problemDoc{File: p.Pos.File, Line: p.Pos.Line, Column: p.Pos.Column, Message: p.Message, Hint: p.Hint})
		}
	}
	return a.print(doc, func() error { return nil })
}

// failureDoc is what --json prints of a command that has no result.
type failureDoc struct {
	Error    errorDoc     `json:"error"`
	Problems []problemDoc `json:"problems,omitempty"` // of an invalid estate
}

type errorDoc struct {
	Code    pawl.Code `json:"code"`
	Message string    `json:"message"`
	Next    string    `json:"next"`
}

type problemDoc struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// nextFor finds the command or act that goes on from an error.
func nextFor(err error) string {
	if next := pawl.HintOf(err); next != "" {
		return next
	}
	var wrong misused
	if errors.As(err, &wrong) {
		return wrong.next
	}
	var d *driver.Error
	var open *rotation.OpenError
	var held *rotation.HeldError
	switch {
	case errors.As(err, &open):
		return fmt.Sprintf("pawl status %s", open.Rotation)
	case errors.As(err, &held):
		return fmt.Sprintf("wait, or stop that process; then: pawl resume %s", held.Lease.Rotation)
	case errors.As(err, &d) && d.Next != "":
		return d.Next
	}
	return onward(err)
}

// onward is where to go on from an error that says nothing about it.
func onward(err error) string {
	switch pawl.CodeOf(err) {
	case pawl.CodeStore, pawl.CodeCorrupt:
		return "pawl doctor"
	case pawl.CodeInterrupted:
		return "pawl resume"
	default:
		return "pawl status"
	}
}
