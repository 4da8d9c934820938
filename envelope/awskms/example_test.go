package awskms_test

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/pawlhq/pawl/envelope/awskms"
)

// With github.com/aws/aws-sdk-go-v2/config the client is
// kms.NewFromConfig(cfg), which finds region and credentials.
func Example() {
	const arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	client := kms.New(kms.Options{Region: awskms.Region(arn)})
	k, err := awskms.New(client, arn)
	if err != nil {
		panic(err)
	}
	fmt.Println(k.KeyID())
	// Output: awskms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
}
