// Package vendorsim holds what all stand-ins of vendors share: faults that are
// injected between a caller and a vendor, a log of requests that never holds a
// value, a transport that needs no sockets, a server on loopback, and canary
// credentials that can be searched for.
//
// A stand-in is an http.Handler with state. It takes its time and its
// randomness from outside, so that a whole rotation runs under virtual time
// and repeats exactly. Each stand-in lives in a folder of its own and says
// which vendor fact it follows and which it had to guess.
//
// A connection that is cut is a panic with http.ErrAbortHandler: net/http's
// server then closes the connection, and Transport answers with an error.
package vendorsim
