package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/rotation"
)

// find gives the rotation that a person means: by its id, by a part of the id
// that only one has, or by the name of a secret, whose newest is meant. An
// empty arg means the only open one.
func (h *Home) find(ctx context.Context, arg string, openOnly bool) (pawl.RotationID, error) {
	list, err := h.Store.Rotations(ctx, rotation.Filter{OpenOnly: openOnly || arg == ""})
	if err != nil {
		return "", err
	}
	var found []pawl.RotationID
	for _, s := range list {
		switch {
		case string(s.ID) == arg:
			return s.ID, nil
		case arg == "", strings.Contains(string(s.ID), arg):
			found = append(found, s.ID)
		case slices.Contains(s.Secrets, pawl.SecretName(arg)):
			return s.ID, nil // the list is newest first
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0 && arg == "":
		return "", &pawl.Error{Code: pawl.CodeNotFound, Op: "find", Why: "no rotation is open", Next: "pawl status"}
	case len(found) == 0:
		return "", h.missing(arg, openOnly)
	default:
		return "", &pawl.Error{Code: pawl.CodeInvalid, Op: "find", On: arg, Why: fmt.Sprintf("it may mean any of %v", found), Next: "write more of the id"}
	}
}

// missing says what is not there: a rotation of a secret that the estate has,
// or anything of that name.
func (h *Home) missing(arg string, openOnly bool) error {
	e, err := h.App.estate()
	if err != nil { // the store can be asked without an estate
		return &pawl.Error{Code: pawl.CodeNotFound, Op: "find", On: arg, Why: "no such rotation", Next: "pawl history"}
	}
	if _, ok := e.Secret(pawl.SecretName(arg)); !ok {
		return &pawl.Error{Code: pawl.CodeNotFound, Op: "find", On: arg, Why: "no secret and no rotation has this name" + meant("", near(arg, secretNames(e))), Next: "pawl history lists rotations, pawl status secrets"}
	}
	if openOnly {
		return &pawl.Error{Code: pawl.CodeNotFound, Op: "find", On: arg, Why: "no rotation of it is open", Next: "pawl rotate " + arg + " begins one, pawl history " + arg + " shows those that ended"}
	}
	return &pawl.Error{Code: pawl.CodeNotFound, Op: "find", On: arg, Why: "it has not been rotated by pawl yet", Next: "pawl plan " + arg}
}

// known refuses the name of a secret that the estate does not have, and says
// which may have been meant.
func known(e *estate.Estate, name pawl.SecretName) error {
	if _, ok := e.Secret(name); ok {
		return nil
	}
	refusal := &pawl.Error{Code: pawl.CodeInvalid, Op: "look up", On: string(name), Why: "the estate has no such secret", Next: "pawl status lists them"}
	for i := range e.Groups {
		if e.Groups[i].Name == string(name) {
			refusal.Next = fmt.Sprintf("it is a group: name one of %s, and all of them rotate", joined(e.Groups[i].Secrets))
			return refusal
		}
	}
	var instances []string
	for _, n := range secretNames(e) {
		if strings.HasPrefix(n, string(name)+"@") {
			instances = append(instances, n)
		}
	}
	if len(instances) > 0 {
		refusal.Next = "name one of " + strings.Join(instances, ", ")
		return refusal
	}
	refusal.Why += meant("", near(string(name), secretNames(e)))
	return refusal
}

func secretNames(e *estate.Estate) []string {
	list := make([]string, len(e.Secrets))
	for i := range e.Secrets {
		list[i] = string(e.Secrets[i].Name)
	}
	return list
}
