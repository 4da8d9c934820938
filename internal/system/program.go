package system

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/pawlhq/pawl/examples/saas/platform"
	"github.com/pawlhq/pawl/examples/saas/program"
)

// How a process of a system finds its clock and its network.
const (
	envClock   = "SYSTEM_CLOCK"
	envNetwork = "SYSTEM_NETWORK"
)

// callWithin is the longest call of a program. Fly's proxy may hold it while a
// machine boots.
const callWithin = 25 * time.Second

// IsProgram reports whether this process is to be the program of a machine.
func IsProgram() bool {
	return len(os.Args) == 2 && slices.Contains(program.Names(), os.Args[1]) && os.Getenv(envNetwork) != ""
}

// RunProgram is the program of a machine, in the time and the network of its
// system; redis is how it reaches Redis, nil in a system without servers. It
// gives the process's exit status.
func RunProgram(redis platform.OpenRedis) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	if err := runProgram(ctx, log, redis); err != nil {
		log.Error("it ends", "error", err)
		return 1
	}
	return 0
}

func runProgram(ctx context.Context, log *slog.Logger, redis platform.OpenRedis) error {
	clock, network, err := Surroundings()
	if err != nil {
		return err
	}
	client, err := network.Client(callWithin)
	if err != nil {
		return err
	}
	return program.Run(ctx, os.Args[1], os.Getenv, program.Deps{Now: clock.Now, HTTP: client, Dial: network.Dial, Log: log, Redis: redis})
}

// Surroundings gives the clock and the network of the system that this process
// is part of.
func Surroundings() (*Clock, Network, error) {
	clock, err := OpenClock(os.Getenv(envClock))
	if err != nil {
		return nil, nil, err
	}
	network, err := ParseNetwork(os.Getenv(envNetwork))
	return clock, network, err
}
