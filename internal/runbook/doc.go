// Package runbook writes an estate back out for people: the secret map as a
// table or a graph, and the runbook as Markdown, with every procedure and the
// commands that a person types on a day when pawl is down. Both are computed
// from the same file and plan that a rotation follows, so they cannot fall
// behind it.
package runbook
