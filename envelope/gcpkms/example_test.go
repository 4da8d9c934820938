package gcpkms_test

import (
	"fmt"
	"net/http"

	"github.com/pawlhq/pawl/envelope/gcpkms"
)

// With golang.org/x/oauth2/google the client is
// google.DefaultClient(ctx, gcpkms.Scope), which finds credentials.
func Example() {
	k, err := gcpkms.New(gcpkms.Config{
		Key:    "projects/shop/locations/europe-west3/keyRings/pawl/cryptoKeys/data",
		Client: &http.Client{},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(k.KeyID())
	// Output: gcpkms:projects/shop/locations/europe-west3/keyRings/pawl/cryptoKeys/data
}
