#!/bin/sh
# The example key store in the folder keys, which does what the file fault says
# once and then forgets it:
#
#   kill before ACT   pawl is killed with SIGKILL before the act
#   kill after ACT    pawl is killed when the act is done, its answer lost
#   deny ACT          the act is denied
#   refuse ACT        the login is refused
#   down ACT          the vendor cannot be reached, this time and all others
#   wait ACT          the act waits until there is a file go
#   bad ACT           a check finds that the consumer fails
#
# The file lies in the folder in which pawl runs the program.
set -eu
request=$(cat)
act=$(printf '%s\n' "$request" | sed -n 's/^act=//p')
answer() { printf '%s\n' "$request" | sh ./keystore.sh keys; }
fail() { printf 'error.kind=%s\nerror.effect=none\nerror.why=%s\n' "$1" "$2"; exit 0; }

fault=
[ ! -e fault ] || fault=$(cat fault)
case $fault in
*" $act") ;;
*) answer; exit ;;
esac
case $fault in down\ *) ;; *) rm fault ;; esac
case $fault in
kill\ before\ *) kill -9 $PPID ;;
kill\ after\ *) answer >lost; rm lost; kill -9 $PPID ;;
deny\ *) fail denied 'the role may not do this' ;;
refuse\ *) fail unauthenticated 'the login is refused' ;;
down\ *) fail unavailable 'no route to the vendor' ;;
wait\ *) : >waiting; until [ -e go ]; do sleep 0.02; done; answer ;;
bad\ *) printf 'ok=true\nstate=failed\ndetail=the consumer answers 401\n' ;;
esac
