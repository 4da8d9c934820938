package main

// deviations lists where the exchanges differ from a published description on
// purpose, each with what shows that the vendor really does it. One that no
// exchange shows any more fails the check.
func deviations() []deviation {
	return []deviation{}
}
