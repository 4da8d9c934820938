package cli

import (
	"context"
	"errors"
	"testing"

	"github.com/pawlhq/pawl"
)

func TestAnInterruptEndsAQuestion(t *testing.T) {
	ctx, interrupt := context.WithCancel(context.Background())
	forever := make(chan struct{})
	defer close(forever)
	_, err := interruptible(ctx, func() (string, error) { interrupt(); <-forever; return "late", nil })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("the question ended with %v", err)
	}
	if got := exitStatus(unanswered("KEY", err)); got != exitInterrupted {
		t.Errorf("its status is %d", got)
	}
}

func TestAnAnswerIsTaken(t *testing.T) {
	got, err := interruptible(context.Background(), func() (string, error) { return "yes", nil })
	if got != "yes" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if code := pawl.CodeOf(unanswered("KEY", errors.New("closed"))); code != pawl.CodeFailed {
		t.Errorf("a terminal that is gone has code %s", code)
	}
}
