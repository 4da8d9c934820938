package storetest

import (
	"errors"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
)

var leaseChecks = []check{
	{"AcquireTakesAFreeLease", acquireFree},
	{"AcquireIsRefusedWhileHeld", acquireHeld},
	{"AcquireTakesALeaseThatRanOut", acquireExpired},
	{"AcquireTakesTheLeaseOfADeadHolder", acquireDead},
	{"AcquireIsRefusedForNonsense", acquireNonsense},
	{"TheOldFenceStoresNothing", oldFence},
	{"AnExpiredLeaseThatNobodyTookStillWrites", expiredWrites},
	{"AppendExtendsTheLease", appendExtends},
	{"AppendReleases", appendReleases},
	{"ReleaseOfALostLeaseDoesNothing", releaseLost},
	{"AnEndedRotationCanBeAcquired", acquireEnded},
}

func acquireFree(s suite) {
	l := s.create(opening("r1", "A"))
	if err := s.Release(s.Context(), l); err != nil {
		s.Fatal(err)
	}
	s.same("lease after release", s.load("r1").Lease, rotation.Lease{})
	got := s.acquire("r1", "host-b/2", start)
	s.same("lease", got, rotation.Lease{Rotation: "r1", Holder: "host-b/2", Fence: l.Fence + 1, Expires: start.Add(ttl)})
	s.same("stored lease", s.load("r1").Lease, got)
}

func (s suite) held(id pawl.RotationID, want rotation.Lease, r rotation.LeaseRequest) {
	s.Helper()
	s.unchanged(func() {
		_, err := s.Acquire(s.Context(), r)
		var held *rotation.HeldError
		if !errors.As(err, &held) {
			s.Fatalf("acquire %s: got %v, want a *HeldError", id, err)
		}
		s.same("lease in the error", held.Lease, want)
	})
}

func acquireHeld(s suite) {
	l := s.create(opening("r1", "A"))
	s.held("r1", l, request("r1", "host-b/2", start.Add(ttl-1)))
	s.held("r1", l, request("r1", l.Holder, start)) // two parts of one process are two owners
	other := request("r1", "host-b/2", start)
	other.Dead = "host-c/3"
	s.held("r1", l, other)
}

func acquireExpired(s suite) {
	l := s.create(opening("r1", "A"))
	got := s.acquire("r1", "host-b/2", l.Expires)
	if got.Fence != l.Fence+1 {
		s.Fatalf("fence %d, want %d", got.Fence, l.Fence+1)
	}
}

func acquireDead(s suite) {
	l := s.create(opening("r1", "A"))
	r := request("r1", "host-b/2", start)
	r.Dead = l.Holder
	got, err := s.Acquire(s.Context(), r)
	if err != nil || got.Fence != l.Fence+1 {
		s.Fatalf("got %+v, %v; want the next fence", got, err)
	}
}

func acquireNonsense(s suite) {
	if _, err := s.Acquire(s.Context(), request("nope", "host-b/2", start)); !errors.Is(err, rotation.ErrNotFound) {
		s.Fatalf("unknown rotation: got %v, want ErrNotFound", err)
	}
	s.create(opening("r1", "A"))
	if _, err := s.Acquire(s.Context(), request("r1", "", start.Add(time.Hour))); pawl.CodeOf(err) != pawl.CodeInvalid {
		s.Fatalf("no holder: got %v, want it refused", err)
	}
}

func oldFence(s suite) {
	old := s.create(opening("r1", "A"))
	l := s.acquire("r1", "host-b/2", old.Expires)
	imposter := l
	imposter.Holder = old.Holder
	unknown := l
	unknown.Rotation = "nope"
	future := l
	future.Fence++
	for name, wrong := range map[string]rotation.Lease{"old": old, "other holder": imposter, "unknown rotation": unknown, "future": future, "zero": {}} {
		s.unchanged(func() {
			if err := s.Append(s.Context(), wrong, intent("x")); !errors.Is(err, rotation.ErrLeaseLost) || pawl.CodeOf(err) != pawl.CodeLost {
				s.Fatalf("%s: got %v, want ErrLeaseLost", name, err)
			}
		})
	}
	s.append(l, intent("x"))
	again := s.acquire("r1", old.Holder, start.Add(time.Hour))
	if again.Fence != l.Fence+1 {
		s.Fatalf("fence %d after %d", again.Fence, l.Fence)
	}
	if err := s.Append(s.Context(), old, intent("y")); !errors.Is(err, rotation.ErrLeaseLost) {
		s.Fatalf("the same holder's older fence: got %v, want ErrLeaseLost", err)
	}
}

func expiredWrites(s suite) {
	l := s.create(opening("r1", "A"))
	c := intent("late")
	c.Entries[0].Time = l.Expires.Add(time.Hour)
	c.Expires = l.Expires.Add(2 * time.Hour)
	s.append(l, c)
}

func appendExtends(s suite) {
	l := s.create(opening("r1", "A"))
	s.append(l, rotation.Commit{Expires: start.Add(10 * ttl), Outcome: pawl.Open}) // nothing but the lease
	l.Expires = start.Add(10 * ttl)
	s.held("r1", l, request("r1", "host-b/2", start.Add(10*ttl-1)))
	if n := len(s.records()); n != 1 {
		s.Fatalf("an extension left %d records, want the opening's alone", n)
	}
	s.acquire("r1", "host-b/2", start.Add(10*ttl))
}

func appendReleases(s suite) {
	l := s.create(opening("r1", "A"))
	c := intent("x")
	c.Release = true
	s.append(l, c)
	s.same("lease", s.load("r1").Lease, rotation.Lease{})
	if err := s.Append(s.Context(), l, intent("y")); !errors.Is(err, rotation.ErrLeaseLost) {
		s.Fatalf("append with a lease given back: got %v, want ErrLeaseLost", err)
	}
	if got := s.acquire("r1", l.Holder, start); got.Fence != l.Fence+1 {
		s.Fatalf("fence %d, want %d", got.Fence, l.Fence+1)
	}
}

func releaseLost(s suite) {
	old := s.create(opening("r1", "A"))
	s.acquire("r1", "host-b/2", old.Expires)
	s.unchanged(func() {
		for _, l := range []rotation.Lease{old, {}, {Rotation: "nope", Holder: "x", Fence: 1}} {
			if err := s.Release(s.Context(), l); err != nil {
				s.Fatalf("release %+v: %v", l, err)
			}
		}
	})
}

func acquireEnded(s suite) {
	s.append(s.create(opening("r1", "A")), rotation.Commit{Outcome: pawl.Done})
	l := s.acquire("r1", "host-b/2", start)
	if err := s.Release(s.Context(), l); err != nil {
		s.Fatal(err)
	}
	o := opening("r2", "A")
	o.Versions["A"] = 2
	s.create(o) // the lease of an ended rotation keeps no secret busy
}
