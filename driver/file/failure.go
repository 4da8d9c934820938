package file

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/file/document"
)

// failure turns what went wrong into the contract's error. Everything before
// the rename left the file as it was.
func (t target) failure(err error) error {
	e := &driver.Error{Op: t.op, On: t.shown, Effect: pawl.EffectNone}
	e.Kind, e.Why, e.Next = reason(err)
	var unsynced unsyncedError
	if errors.As(err, &unsynced) {
		e.Effect = pawl.EffectUnknown
		e.Why = "the file was replaced, but the disk did not confirm it: " + e.Why
	}
	if ctxErr := ended(err); ctxErr != nil {
		e.Err = ctxErr
	}
	return e
}

func ended(err error) error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	return nil
}

// reason classes an error. Only known texts are repeated: the text of an
// *fs.PathError would be a path of this machine, which says nothing new.
func reason(err error) (kind driver.ErrorKind, why, next string) {
	var doc *document.Error
	switch {
	case errors.As(err, &doc):
		return driver.Invalid, doc.Error(), ""
	case ended(err) != nil:
		return driver.Unavailable, "it was stopped before the file was changed", ""
	case errors.Is(err, errBusy), errors.Is(err, errChanged):
		return driver.Conflict, err.Error(), ""
	case errors.Is(err, errEmpty):
		return driver.Invalid, err.Error(), ""
	case errors.Is(err, errIrregular), errors.Is(err, errLinked), errors.Is(err, errDangling), errors.Is(err, errLarge):
		return driver.Invalid, err.Error(), "point the location at the file itself"
	case errors.Is(err, errOwner):
		return driver.Denied, err.Error(), "run pawl as the owner of the file, or as root"
	case errors.Is(err, errors.ErrUnsupported):
		return driver.Unsupported, "files cannot be replaced safely on this system", ""
	default:
		return systemReason(err)
	}
}

func systemReason(err error) (kind driver.ErrorKind, why, next string) {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case isFull(err):
		return driver.Unavailable, "there is no space left", "make space; the file still has its old text"
	case isReadOnly(err):
		return driver.Denied, "the file system is read-only", ""
	case isMount(err):
		return driver.Invalid, "the file is a mount of its own and cannot be replaced", "mount its folder instead"
	case errors.Is(err, fs.ErrPermission):
		return driver.Denied, "this user may not do that here", "pawl must be able to read the file and to write to its folder"
	case errors.Is(err, fs.ErrNotExist):
		return driver.NotFound, "its folder is not there", "make the folder first"
	case errors.As(err, &path):
		return driver.Internal, path.Err.Error(), ""
	case errors.As(err, &link):
		return driver.Internal, link.Err.Error(), ""
	default:
		return driver.Internal, err.Error(), ""
	}
}
