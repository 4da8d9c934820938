package awskms

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// verify finds out who makes a call by its signature, AWS4-HMAC-SHA256 ("Create
// a signed AWS API request" in the IAM guide). code is empty when it is right.
func (k *KMS) verify(r *http.Request, body []byte) (who *identity, code, why string) {
	fields, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return nil, "MissingAuthenticationTokenException", "Missing Authentication Token"
	}
	part := map[string]string{}
	for f := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(f), "=")
		part[name] = value
	}
	id, scope, _ := strings.Cut(part["Credential"], "/")
	who = k.users[id]
	if who == nil {
		return nil, "UnrecognizedClientException", "The security token included in the request is invalid."
	}
	want := sign(who.secret, scope, r.Header.Get("X-Amz-Date"), canonical(r, part["SignedHeaders"], body))
	if !hmac.Equal([]byte(want), []byte(part["Signature"])) {
		return nil, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method."
	}
	return who, "", ""
}

// canonical is the text of a request that is signed.
func canonical(r *http.Request, signed string, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + r.URL.EscapedPath() + "\n" + r.URL.RawQuery + "\n")
	for name := range strings.SplitSeq(signed, ";") {
		value := strings.Join(r.Header.Values(name), ",")
		switch name { // net/http keeps these elsewhere
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		b.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	sum := sha256.Sum256(body)
	b.WriteString("\n" + signed + "\n" + hex.EncodeToString(sum[:]))
	return b.String()
}

// sign gives the signature. scope is date/region/service/aws4_request.
func sign(secret, scope, at, canonical string) string {
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	sum := sha256.Sum256([]byte(canonical))
	return hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+hex.EncodeToString(sum[:])))
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}
