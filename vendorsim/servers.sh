#!/bin/sh
# Installs what stands behind some of the tests: the servers PostgreSQL and
# Redis, or, by name, softhsm2. Tests start their own private ones; none is
# started here, and what the packages would start is kept from starting.
set -eu

postgres() { command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }
redis() { command -v redis-server >/dev/null; }
softhsm() { command -v softhsm2-util >/dev/null; }

missing=
for wanted in ${*:-postgresql redis-server}; do
	case $wanted in
	postgresql) postgres ;;
	redis-server) redis ;;
	softhsm2) softhsm ;;
	*) echo "servers: $wanted is not one of them" >&2 && exit 2 ;;
	esac || missing="$missing $wanted"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "servers: install$missing (the names of Debian's packages), or set PAWL_WITHOUT_SERVERS=1 to leave out the tests that need them" >&2
	exit 1
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy" # no service may be started
	chmod 755 "$policy"
fi
clusters=/etc/postgresql-common/createcluster.conf
if [ ! -e "$clusters" ]; then
	mkdir -p "${clusters%/*}"
	echo 'create_main_cluster = false' >"$clusters"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
# shellcheck disable=SC2086 # a list of names
apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-confold $missing >/dev/null
for installed in $missing; do
	case $installed in
	postgresql) postgres ;;
	redis-server) redis ;;
	softhsm2) softhsm ;;
	esac
done
