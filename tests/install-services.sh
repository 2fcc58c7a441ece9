#!/usr/bin/env bash
# Install the servers that tests start for themselves, where that is possible: as root, on Debian, by apt.
# They are installed, not started. Elsewhere it says what is missing; those tests are then skipped, unless
# REQUIRE_SERVICES=1, which makes them fail.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/local/sbin

missing=()
command -v mariadbd >/dev/null || missing+=(mariadb-server)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v rabbitmq-server >/dev/null || missing+=(rabbitmq-server)
command -v curl >/dev/null || missing+=(curl)
command -v nginx >/dev/null || missing+=(nginx-light)
command -v promtool >/dev/null || missing+=(prometheus)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "tests: not installed here: ${missing[*]} (their tests are skipped; installing them needs root and apt)" >&2
    exit 0
fi

echo "tests: installing ${missing[*]} by apt"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then # Debian's own switch: packages must not start the system's services
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if { apt-get -q update && apt-get -qy install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    rm -f "$log"
else
    tail -n 20 "$log" >&2
    rm -f "$log"
    echo "tests: apt could not install ${missing[*]}" >&2
    [ "${REQUIRE_SERVICES:-0}" = 0 ] || exit 1
fi
