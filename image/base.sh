#!/usr/bin/env bash
# Make a base image for places where no registry is reached: Debian 12 with its own Python 3.11, under the published name.
#   image/base.sh NAME      buildah's storage is chosen by STORAGE_OPTIONS (an array's text, see image/build.sh)
# It is for building and trying the image there, not for shipping: what is shipped is built from the published base.
# DEBIAN_MIRROR names another archive than deb.debian.org.
set -euo pipefail
name=$1
read -ra storage <<<"${STORAGE_OPTIONS:-}"

root=$(mktemp -d)
container=
clean_up() {
    [ -z "$container" ] || buildah "${storage[@]}" rm "$container" >/dev/null
    rm -rf "$root"
}
trap clean_up EXIT

echo "image: no registry is reached: making $name from Debian's packages (about a minute, once)"
log=$root/debootstrap.log
# usrmerge and bytecode: what the published base has and lacks makes no difference to the Dockerfile
if ! debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    bookworm "$root/tree" "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    exit 1
fi
ln -s python3 "$root/tree/usr/bin/python"
rm -rf "$root"/tree/var/cache/apt/archives/*.deb "$root"/tree/var/lib/apt/lists/* "$root"/tree/var/log/*.log
: >"$root/tree/etc/resolv.conf"

container=$(buildah "${storage[@]}" from scratch)
buildah "${storage[@]}" add --quiet "$container" "$root/tree" / >/dev/null
buildah "${storage[@]}" config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd python3 "$container"
buildah "${storage[@]}" commit --quiet --format docker "$container" "$name" >/dev/null
