package saas

import (
	"strings"

	"github.com/pawlhq/pawl/internal/leak"
)

// Leaks searches what pawl has printed, the folder in which it keeps what it
// knows, and the logs of all apps, for every value that there was here, and for
// more that were elsewhere. It gives how many texts it has searched, and those
// in which it found one.
func (v *Vendors) Leaks(printed []byte, folder string, more ...string) (searched int, found []string, err error) {
	var places leak.Places
	places.Add("pawl's output", printed)
	for _, app := range v.Fly.Apps() {
		places.Add("the log of "+app, []byte(strings.Join(v.Fly.LogLines(app), "\n")))
	}
	err = places.AddFolder("", folder, nil)
	searched, _ = places.Size()
	return searched, places.Find(append(v.Values(), more...)...), err
}
