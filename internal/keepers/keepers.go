// Package keepers opens a key keeper by the URI that names it:
//
//	file:PATH                       a key file, as pawl makes one
//	env:NAME                        32 bytes in a variable, hexadecimal or base64
//	awskms:ARN                      a key of AWS KMS
//	gcpkms:projects/…/cryptoKeys/K  a key of Google Cloud KMS
//	transit:MOUNT/KEY               a key of Vault's or OpenBao's transit engine
//	pkcs11:token=…;object=…?…       a key in a token, where pawl is built with that tag
//
// No URI has a credential in it. Each service's own ways of finding credentials
// are used. docs/use/key-keepers.md is the page for users.
package keepers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/awskms"
	"github.com/pawlhq/pawl/envelope/gcpkms"
	"github.com/pawlhq/pawl/envelope/keyfile"
)

// Env is what a keeper is opened with. The zero value is this process's.
// AWS and Google read the process's own environment, whatever Getenv is.
type Env struct {
	Getenv func(string) string // nil is os.Getenv
	Client *http.Client        // calls the services; nil is one for each, with a timeout
}

// Open opens a keeper. Only pkcs11 makes a call; a keeper that is an io.Closer
// is to be closed after its last use.
func Open(ctx context.Context, uri string, env Env) (envelope.Keeper, error) {
	if env.Getenv == nil {
		env.Getenv = os.Getenv
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	if rest != "" {
		switch scheme {
		case "file":
			return orNil(keyfile.Load(rest))
		case "env":
			return orNil(openEnv(rest, env))
		case "awskms":
			return orNil(openAWS(ctx, rest, env))
		case "gcpkms":
			return orNil(openGoogle(ctx, rest, env))
		case "transit":
			return orNil(openTransit(rest, env))
		case "pkcs11":
			return openToken(ctx, uri)
		}
	}
	// The URI is not quoted: who mistakes a key for it must not see it logged.
	return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "open the key keeper", Why: "its URI begins with none of file:, env:, awskms:, gcpkms:, transit:, pkcs11:",
		Next: "see docs/use/key-keepers.md"}
}

// orNil keeps a nil keeper of some type from becoming one that is not nil.
func orNil[K envelope.Keeper](k K, err error) (envelope.Keeper, error) {
	if err != nil {
		return nil, err
	}
	return k, nil
}

// openEnv makes a keeper of a variable, which has 32 bytes.
func openEnv(name string, env Env) (*envelope.KeyKeeper, error) {
	text := strings.TrimSpace(env.Getenv(name))
	why := "it does not have 32 bytes in hexadecimal or base64"
	if text == "" {
		why = "it is not set, or empty"
	}
	if key := envelope.ParseKey([]byte(text)); key != nil {
		defer clear(key)
		return envelope.NewKeyKeeper(key)
	}
	return nil, &pawl.Error{Code: pawl.CodeUnauthorised, Op: "read the key in the variable", On: name, Why: why, Next: "openssl rand -hex 32"}
}

// openAWS finds credentials as the AWS CLI does. The region is the key's.
func openAWS(ctx context.Context, arn string, env Env) (*awskms.Keeper, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(awskms.Region(arn)), config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(timeout)))
	if err != nil {
		return nil, &pawl.Error{Code: pawl.CodeUnauthorised, Op: "read the AWS configuration", Err: err, Next: "aws sts get-caller-identity"}
	}
	return awskms.New(kms.NewFromConfig(cfg, func(o *kms.Options) {
		if env.Client != nil {
			o.HTTPClient = env.Client
		}
	}), arn)
}

// timeout bounds a call where nothing else does.
const timeout = 30 * time.Second

// openGoogle finds Application Default Credentials.
func openGoogle(ctx context.Context, key string, env Env) (*gcpkms.Keeper, error) {
	client := env.Client
	if client == nil {
		client = &http.Client{Timeout: timeout}
	}
	// Tokens are fetched long after this call, and its context may end with it.
	ctx = context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, client)
	authorised, err := google.DefaultClient(ctx, gcpkms.Scope)
	if err != nil {
		return nil, &pawl.Error{Code: pawl.CodeUnauthorised, Op: "find Google Cloud credentials", Err: err, Next: "gcloud auth application-default login"}
	}
	return gcpkms.New(gcpkms.Config{Key: key, Client: &http.Client{Transport: brief{authorised.Transport}, Timeout: timeout}})
}

// brief leaves out of errors what a token endpoint has answered.
type brief struct{ http.RoundTripper }

// RoundTrip makes the call.
func (b brief) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	var said *oauth2.RetrieveError
	if errors.As(err, &said) && said.Response != nil {
		var code struct{ Error string }
		_ = json.Unmarshal(said.Body, &code) // what is no JSON has no code
		err = fmt.Errorf("no access token: the token endpoint answered %d %s", said.Response.StatusCode, code.Error)
	}
	return resp, err
}
