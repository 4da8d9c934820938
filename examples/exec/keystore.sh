#!/bin/sh
# A key store in a folder, for the driver exec with form: lines.
#
#   command: [./keystore.sh, /var/lib/keystore]
#
# It mints keys, holds copies, and checks them. For each target there is
# keys/TARGET/ID, one file a live key, and copies/TARGET, the copy. It needs a
# POSIX shell with awk, cat, mkdir, mv, od, rm, sed and tr. Values pass through
# pipes and the shell's own printf only, so they are never arguments.
set -eu
umask 077
store=$1

# fail KIND EFFECT WHY ends the act with an error reply.
fail() {
	printf 'error.kind=%s\nerror.effect=%s\nerror.why=%s\n' "$1" "$2" "$3"
	exit 0
}

# escape writes its input on one line: \\ for a backslash, \n for a line break.
# The dot keeps a line break at the end, which awk would not see.
escape() {
	{ cat; printf .; } | sed 's/\\/\\\\/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }' | sed 's/\.$//'
}

# Read the request: name=text, a line each.
act= role= target= name= value= has_value=no id=
while IFS= read -r line; do
	text=$(printf '%b.' "${line#*=}") # the dot keeps line breaks at the end
	text=${text%.}
	case ${line%%=*} in
	act) act=$text ;;
	role) role=$text ;;
	target) target=$text ;;
	name) name=$text ;;
	credential.id) id=$text ;;
	value.value) value=$text has_value=yes ;;
	esac
done

case $act$target in
probe) # of the connection alone
	[ -d "$store" ] && has=yes || has=no
	printf 'ok=true\ngrants.0.need=the folder of the key store\ngrants.0.has=%s\n' $has
	exit 0
	;;
esac
case $target in
'' | .* | */* | *[![:print:]]*) fail invalid none 'the target cannot be a file name' ;;
esac
case $id in
.* | */*) fail invalid none 'the id cannot be a file name' ;;
esac
keys=$store/keys/$target
copy=$store/copies/$target

mint() {
	case $name in
	'' | .* | */* | *[![:print:]]*) fail invalid none 'the name cannot be a file name' ;;
	esac
	mkdir -p "$keys"
	[ ! -e "$keys/$name" ] || fail conflict none 'there is a key of this name'
	od -An -tx1 -N20 /dev/urandom | tr -d ' \n' >"$keys/.new.$$"
	mv "$keys/.new.$$" "$keys/$name"
	printf 'ok=true\ncredential.id=%s\ncredential.name=%s\nvalue.value=%s\n' "$name" "$name" "$(cat "$keys/$name")"
}

list() {
	printf 'ok=true\n'
	n=0
	for key in "$keys"/*; do
		[ -e "$key" ] || continue
		printf 'credentials.%d.id=%s\ncredentials.%d.name=%s\n' $n "${key##*/}" $n "${key##*/}"
		n=$((n + 1))
	done
}

# accepted tells whether the value is a live key.
accepted() {
	for key in "$keys"/*; do
		if [ -e "$key" ] && [ "$(cat "$key")" = "$value" ]; then return 0; fi
	done
	return 1
}

put() {
	[ $has_value = yes ] || fail invalid none 'there is no value'
	mkdir -p "$store/copies"
	printf %s "$value" >"$copy.new.$$"
	mv "$copy.new.$$" "$copy"
	printf 'ok=true\nexists=true\n'
}

found() {
	if [ -e "$copy" ]; then
		printf 'ok=true\nexists=true\n'
	else
		printf 'ok=true\nexists=false\n'
	fi
}

case $role.$act in
*.probe)
	[ -w "$store" ] && has=yes || has=no
	printf 'ok=true\ngrants.0.need=write to the key store\ngrants.0.has=%s\n' $has
	;;
issuer.mint) mint ;;
issuer.list) list ;;
issuer.revoke)
	rm -f "$keys/$id"
	printf 'ok=true\n'
	;;
issuer.verify)
	if accepted; then printf 'ok=true\nverdict=accepted\n'; else printf 'ok=true\nverdict=refused\n'; fi
	;;
location.put) put ;;
location.stat) found ;;
location.read)
	found
	[ ! -e "$copy" ] || printf 'value.value=%s\n' "$(escape <"$copy")"
	;;
location.remove)
	rm -f "$copy"
	printf 'ok=true\n'
	;;
location.activate) printf 'ok=true\ndone=true\ndetail=readers open the file each time\n' ;;
check.check) # does the copy hold a live key?
	[ -e "$copy" ] || { printf 'ok=true\nstate=failed\ndetail=there is no copy\n'; exit 0; }
	value=$(cat "$copy")
	if accepted; then printf 'ok=true\nstate=passed\n'; else printf 'ok=true\nstate=failed\ndetail=the copy is not a live key\n'; fi
	;;
*) fail unsupported none 'this program does not do that' ;;
esac
