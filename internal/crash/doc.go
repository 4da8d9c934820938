// Package crash is the crash matrix: it runs whole rotations under virtual
// time, kills the process before, during and after every external call and
// every journal write, adds a fault of every kind, lets two processes race,
// recovers, and checks all promises against what the simulated vendors know
// to be true. It is deterministic: a schedule that fails once fails always,
// and its name is enough to run it again.
//
// A killed process is one whose every way out is cut: from the instant of the
// kill no call of it reaches a vendor and no write of it reaches the store.
// Whatever it still does in memory dies with it. Recovery is a new engine
// over the same store and vendors.
//
// Runbook has a scenario for each secret of examples/runbook, from the file as
// it is, with pawl's drivers, at the stand-ins of its vendors. Those of the
// database and of Redis, whose drivers speak TCP, are made up in memory.
//
// In the midst of a wait, where looks follow each other that are all the same,
// only the first two and the last two are killed and fail.
package crash
