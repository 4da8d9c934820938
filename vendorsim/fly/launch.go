package fly

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"
)

// Launch is what a machine boots with.
type Launch struct {
	App, Machine, Region string
	Image                string            // of the machine's configuration
	Env                  map[string]string // all of it: the configuration's, the secrets, and what Fly sets itself
	Volume               string            // names what the machine keeps over updates: the app and its id, a slash, the machine's place in it
	Signal               string            // asks the program to stop: "SIGTERM" or what stop_config says
	KillTimeout          time.Duration     // how long it may take to, 5 s unless stop_config says otherwise

	// Log writes a line into the app's log. It may be called at any time and by
	// several goroutines at once.
	Log func(line string)
}

// Launcher runs the programs of machines. Its methods are called by several
// goroutines at once, and may call this Fly: no lock is held meanwhile.
type Launcher interface {
	// Launch starts a program. An error is a machine that exited at boot.
	Launch(l Launch) (Instance, error)
}

// Instance is the running program of one machine. ServeHTTP gives it a
// request. It is safe for concurrent use.
type Instance interface {
	http.Handler
	// Stop asks the program to end, ends it by force when ctx is done, and
	// returns when it is gone. It may be called more than once.
	Stop(ctx context.Context) error
	// Exited is closed when the program is gone, whoever has ended it.
	Exited() <-chan struct{}
	// ExitCode is how it ended, once Exited is closed: 128 plus the signal's
	// number where a signal has ended it.
	ExitCode() int
}

// Forwarder is an Instance that can tell that a request has not reached its
// program: then sent is false, nothing was written to w nor read of the body,
// and the request may be given to another machine.
type Forwarder interface {
	Forward(w http.ResponseWriter, r *http.Request) (sent bool)
}

// Eraser is a Launcher that keeps volumes. Erase takes away those of an app
// that was deleted: all whose names begin with the prefix, which ends in a
// slash.
type Eraser interface {
	Erase(prefix string) error
}

// InProcess makes a Launcher of a function that makes a program in this
// process. Such machines boot and stop within the call that makes them, and
// their states move by time alone, as those of machines without a program do.
// What the function answers is closed when the machine stops, after the
// requests that it has; a nil Closer needs no closing. Its error is written
// into the app's log.
func InProcess(start func(Launch) (http.Handler, io.Closer, error)) Launcher {
	return inProcess(start)
}

type inProcess func(Launch) (http.Handler, io.Closer, error)

func (start inProcess) Launch(l Launch) (Instance, error) {
	h, c, err := start(l)
	if err != nil {
		l.Log(err.Error())
		return nil, err
	}
	return &inside{Handler: h, closer: c, exited: make(chan struct{})}, nil
}

// inside is an Instance in this process.
type inside struct {
	http.Handler
	closer io.Closer
	once   sync.Once
	exited chan struct{}
}

func (i *inside) Stop(context.Context) (err error) {
	i.once.Do(func() {
		if i.closer != nil {
			err = i.closer.Close()
		}
		close(i.exited)
	})
	return err
}

func (i *inside) Exited() <-chan struct{} { return i.exited }

func (i *inside) ExitCode() int { return 0 }
