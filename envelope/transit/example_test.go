package transit_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/pawlhq/pawl/envelope/transit"
)

func Example() {
	k, err := transit.New(transit.Config{
		Address: "https://vault.example:8200",
		Key:     "pawl",
		Token: func(context.Context) (string, error) { // as the agent renews it
			b, err := os.ReadFile("/run/vault/token")
			return strings.TrimSpace(string(b)), err
		},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(k.KeyID())
	// Output: transit:transit/pawl
}
