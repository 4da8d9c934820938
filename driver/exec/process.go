package exec

import (
	"bytes"
	"context"
	"errors"
	osexec "os/exec"
	"runtime"
	"sync"
	"time"
)

// The most that is kept of what a program writes.
const (
	maxReply   = 1 << 20
	maxMessage = 64 << 10
)

// program is what is started for each act.
type program struct {
	path    string
	args    []string
	dir     string
	environ []string
	timeout time.Duration
	grace   time.Duration
}

// ran is what came of a run.
type ran struct {
	out     []byte
	tooLong bool
	message string // the last line of standard error
	started bool
	ended   error // why it was ended early: the context's error
	err     error // why it could not be started, or how it failed
}

// run starts the program, hands it the input, and waits until it and all that
// it started are gone.
func (p program) run(ctx context.Context, input []byte) ran {
	// The kernel ends the program when this thread dies, where it can do so.
	// The thread must therefore stay this goroutine's until then.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	cmd := osexec.CommandContext(ctx, p.path, p.args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = p.dir, p.environ, p.grace
	cmd.Stdin = bytes.NewReader(input)
	out, message := &head{}, &tail{}
	cmd.Stdout, cmd.Stderr = out, message
	apart(cmd)
	cmd.Cancel = func() error { return tellGroup(cmd) }
	if err := ctx.Err(); err != nil {
		return ran{ended: err}
	}
	if err := cmd.Start(); err != nil {
		return ran{err: err}
	}
	err := cmd.Wait()
	endGroup(cmd)
	if errors.Is(err, osexec.ErrWaitDelay) {
		err = nil // it exited well; something that it had started still held its output open
	}
	r := ran{started: true, out: out.bytes(), tooLong: out.over(), message: message.lastLine(), err: err}
	if err != nil {
		r.ended = ctx.Err()
	}
	return r
}

// head keeps the beginning of an output and lets the rest go by, so that the
// program is not stopped by a full pipe. The lock is for a copy that goes on
// after the program was waited for in vain.
type head struct {
	mu   sync.Mutex
	kept []byte
	more bool
}

// Write keeps what there is room for.
func (h *head) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(len(b), maxReply-len(h.kept))
	h.kept = append(h.kept, b[:n]...)
	h.more = h.more || n < len(b)
	return len(b), nil
}

func (h *head) bytes() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kept
}

func (h *head) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.more
}

// tail keeps the end of an output.
type tail struct {
	mu   sync.Mutex
	kept []byte
	cut  bool
}

// Write keeps the last of what it is given.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - maxMessage; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		t.cut = true
	}
	return len(b), nil
}

// lastLine gives the last line that is not blank. A line whose beginning was
// cut off is not given: what is left could be half a value, which no scrubber
// would know.
func (t *tail) lastLine() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := bytes.TrimSpace(t.kept)
	i := bytes.LastIndexAny(text, "\r\n")
	if i < 0 && t.cut {
		return ""
	}
	return string(bytes.TrimSpace(text[i+1:]))
}
