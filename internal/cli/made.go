package cli

import (
	"os"
	"path/filepath"

	"github.com/pawlhq/pawl"
)

// made is the name of the note that a folder's store was filled once. A first
// run that was killed leaves an empty store too, and only the note tells it
// from one whose records were lost. Without it a lost store would be made anew
// in silence: version numbers would be used again, and credentials that only
// the old records knew would live for ever.
const made = "made"

const madeText = "The store beside this note was made and has records.\nWhere it is gone, put it back from a backup.\n"

// lost refuses a folder whose store was made once and is gone or empty.
func lost(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, made)); err != nil {
		return nil
	}
	path := filepath.Join(dir, "pawl.db")
	why := "it was made once and is not there"
	if _, err := os.Stat(path); err == nil {
		if size(path) > 0 || size(path+"-wal") > 0 {
			return nil
		}
		why = "it was made once and is empty"
	}
	return &pawl.Error{Code: pawl.CodeCorrupt, Op: "open store", On: path, Why: why,
		Next: "put it back from your backup; to begin with a new one, move the folder " + dir + " away"}
}

// note leaves the note, once the store has its first key.
func note(dir string) error {
	path := filepath.Join(dir, made)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.WriteFile(path, []byte(madeText), 0o600); err != nil {
		return &pawl.Error{Code: pawl.CodeStore, Op: "note that the store was made", On: path, Err: err, Next: "free space on its disk and let this user write there, then run the same command again"}
	}
	return nil
}

// size is a file's length in bytes; 0 where there is none.
func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
