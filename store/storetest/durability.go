package storetest

import "testing"

var durabilityChecks = []check{
	{"EverythingIsThereAfterReopening", reopened},
	{"TheChainGoesOnAfterReopening", chainGoesOn},
}

func (s suite) reopen() suite {
	s.Helper()
	return suite{T: s.T, Store: s.Store.(Reopener).Reopen(testing.TB(s.T))}
}

func reopened(s suite) {
	s.busy()
	want, id, head := s.picture(), s.ID(), s.head()
	again := s.reopen()
	s.same("store", again.picture(), want)
	s.same("id", again.ID(), id)
	s.same("head", again.head(), head)
}

func chainGoesOn(s suite) {
	s.busy()
	before := s.head()
	again := s.reopen()
	again.create(opening("r9", "Z"))
	last := again.records()[before.Seq]
	s.same("previous hash", last.Prev, before.Hash)
	s.same("head", again.head(), last.Head())
}
