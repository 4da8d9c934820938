// Package all lists every driver that pawl ships with. Its tests hold each of
// them to the contract.
package all

//go:generate go run ../../internal/gen/list ../..
//go:generate go run ../../internal/gen ../..
