package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
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
		return "", &pawl.Error{Code: pawl.CodeNotFound, Op: "find", On: arg, Why: "no such rotation", Next: "pawl history"}
	default:
		return "", &pawl.Error{Code: pawl.CodeInvalid, Op: "find", On: arg, Why: fmt.Sprintf("it may mean any of %v", found), Next: "write more of the id"}
	}
}
