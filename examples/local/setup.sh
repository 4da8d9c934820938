#!/bin/sh
# Makes the key store of this example, with a first billing key that pawl does
# not know, and writes that key where the estate says that copies live.
#
#   ./setup.sh        in a copy of examples/ that may be changed
set -eu
umask 077
cd "$(dirname "$0")"
if [ -e keystore ]; then
	echo "setup: keystore is there already; remove it to begin again" >&2
	exit 1
fi
mkdir -p keystore/keys/billing keystore/copies
key=$(od -An -tx1 -N20 /dev/urandom | tr -d ' \n')
printf %s "$key" >keystore/keys/billing/first.0
printf %s "$key" >keystore/copies/billing
sed "s/^BILLING_KEY=.*/BILLING_KEY=$key/" config/app.env >config/app.env.new
mv config/app.env.new config/app.env
echo "setup: the first billing key is first.0"
