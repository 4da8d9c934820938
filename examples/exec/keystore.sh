#!/bin/sh
# A key store in a folder, for the driver exec with form: lines.
#
#   command: [./keystore.sh, /var/lib/keystore]
#
# It does every kind: it mints keys, beside each other or in place of the old
# one, holds copies, and checks them. keys/TARGET/ID holds a live key,
# copies/TARGET a copy. It needs a POSIX shell with awk, cat, cksum, mkdir, mv,
# od, rm, sed and tr. Values pass through pipes and the shell's own printf only,
# so they are never arguments.
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

# random N writes N random bytes in hexadecimal.
random() { od -An -tx1 "-N$1" /dev/urandom | tr -d ' \n'; }

# Read the request: name=text, a line each.
act= role= kind= target= name= value= has_value=no id=
while IFS= read -r line; do
	text=$(printf '%b.' "${line#*=}") # the dot keeps line breaks at the end
	text=${text%.}
	case ${line%%=*} in
	act) act=$text ;;
	role) role=$text ;;
	kind) kind=$text ;;
	target) target=$text ;;
	name) name=$text ;;
	credential.id) id=$text ;;
	value.value) value=$text has_value=yes ;;
	esac
done

# probe says whether the folder can be used.
if [ "$act" = probe ]; then
	[ -d "$store" ] && [ -w "$store" ] && has=yes || has=no
	printf 'ok=true\ngrants.0.need=write to the folder of the key store\ngrants.0.has=%s\n' $has
	exit 0
fi
case $target in
'' | .* | */* | *[![:print:]]*) fail invalid none 'the target cannot be a file name' ;;
esac
case $id in
.* | */*) fail invalid none 'the id cannot be a file name' ;;
esac
keys=$store/keys/$target
copy=$store/copies/$target

# mint makes a key. Its file is called by its id, which is its name and some
# random digits, so that a key can be found by its name.
mint() {
	case $kind in program_replaced) name=current ;; esac
	case $name in
	'' | .* | */* | *[![:print:]]*) fail invalid none 'the name cannot be a file name' ;;
	esac
	mkdir -p "$keys"
	id=$name.$(random 4)
	random 20 >"$keys/.new.$$"
	case $kind in program_replaced) rm -f "$keys"/* ;; esac
	mv "$keys/.new.$$" "$keys/$id"
	printf 'ok=true\ncredential.id=%s\ncredential.name=%s\nvalue.value=%s\n' "$id" "$name" "$(cat "$keys/$id")"
}

list() {
	printf 'ok=true\n'
	n=0
	for key in "$keys"/*; do
		[ -e "$key" ] || continue
		id=${key##*/}
		printf 'credentials.%d.id=%s\ncredentials.%d.name=%s\n' $n "$id" $n "${id%.*}"
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

# revoke ends the key with the id, or without one the key that is the value.
revoke() {
	if [ -n "$id" ]; then
		rm -f "$keys/$id"
		return
	fi
	[ $has_value = yes ] || fail invalid none 'there is neither an id nor a value'
	for key in "$keys"/*; do
		if [ -e "$key" ] && [ "$(cat "$key")" = "$value" ]; then rm -f "$key"; fi
	done
}

put() {
	[ $has_value = yes ] || fail invalid none 'there is no value'
	mkdir -p "$store/copies"
	printf %s "$value" >"$copy.new.$$"
	mv "$copy.new.$$" "$copy"
	printf 'ok=true\nexists=true\n'
}

# found tells whether there is a copy, with a digest that no other store has
# for the same value.
found() {
	if [ ! -e "$copy" ]; then
		printf 'ok=true\nexists=false\n'
		return
	fi
	if [ ! -e "$store/salt" ]; then
		random 16 >"$store/salt.new.$$"
		mv "$store/salt.new.$$" "$store/salt"
	fi
	printf 'ok=true\nexists=true\ndigest=%s\n' "$(cat "$store/salt" "$copy" | cksum | tr -c '0-9\n' -)"
}

# discover lists the targets that have a copy and whose name begins with the
# target of the discovery.
discover() {
	printf 'ok=true\n'
	n=0
	for copy in "$store/copies/$target"*; do
		[ -e "$copy" ] || continue
		printf 'targets.%d.target=%s\n' $n "${copy##*/}"
		n=$((n + 1))
	done
	[ $n -gt 0 ] || printf 'exists=false\n'
}

# check asks whether the copy is there and, given a value, whether it is that.
check() {
	state=passed detail='the copy is there'
	if [ ! -e "$copy" ]; then
		state=failed detail='there is no copy'
	elif [ "$kind" = program_with_value ] && [ "$(cat "$copy")" != "$value" ]; then
		state=failed detail='the copy is another value'
	fi
	printf 'ok=true\nstate=%s\ndetail=%s\n' $state "$detail"
}

case $role.$act in
issuer.mint) mint ;;
issuer.list) list ;;
issuer.revoke)
	revoke
	printf 'ok=true\n'
	;;
issuer.verify)
	if accepted; then printf 'ok=true\nverdict=accepted\n'; else printf 'ok=true\nverdict=refused\n'; fi
	;;
location.put) put ;;
location.stat) found ;;
location.read)
	[ "$kind" = program ] || fail unsupported none 'the copy is not given back'
	found
	[ ! -e "$copy" ] || printf 'value.value=%s\n' "$(escape <"$copy")"
	;;
location.remove)
	rm -f "$copy"
	printf 'ok=true\n'
	;;
location.activate | activation.activate) printf 'ok=true\ndone=true\ndetail=readers open the file each time\n' ;;
check.check) check ;;
discovery.discover) discover ;;
*) fail unsupported none 'this program does not do that' ;;
esac
