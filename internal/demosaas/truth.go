package main

import "github.com/pawlhq/pawl/vendorsim/saas"

// orphans counts the credentials at issuers that nobody has any more: what a
// kill left behind.
func (w *world) orphans() int {
	n := 0
	for _, name := range saas.Names() {
		n += max(0, len(w.Alive(name))-1)
	}
	return n
}

func (w *world) apps() []string {
	var list []string
	for _, t := range w.tenants {
		list = append(list, t.App())
	}
	return list
}
