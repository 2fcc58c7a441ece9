#!/usr/bin/env bash
# Build the image and write it as an archive that `docker load`, containerd and the cluster tools take (`make image`).
#   image/build.sh ARCHIVE
# With a docker daemon: buildx, from the published base by its digest. Without one: buildah as root, no daemon, no registry; its
# base is made from Debian's packages and kept in the cache folder. What both take from the environment:
#   IMAGE          name:tag of what is built            (twooter:dev)
#   PYTHON_IMAGE   another base, best with its digest   (the Dockerfile's)
#   VERSION, REVISION, CREATED, SOURCE   the labels     (pyproject.toml, git, the commit's time, empty)
#   PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_CERT, ...   as pip itself; mounted for the build, in no layer
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

archive=$1
image=${IMAGE:-twooter:dev}
base=${PYTHON_IMAGE:-$(sed -n 's/^ARG PYTHON_IMAGE=//p' Dockerfile | head -n 1)}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/twooter-ci/image
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$cache" "$(dirname "$archive")"

commit_time() { # in seconds; a tree without git has none
    git log -1 --format=%ct 2>/dev/null || echo 0
}

version() {
    sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml | head -n 1
}

revision() { # of what is built, not of what was committed last
    local name
    name=$(git rev-parse HEAD 2>/dev/null) || { echo unknown; return; }
    git diff --quiet HEAD -- twooter workers Dockerfile requirements.txt requirements-otel.txt || name+=-changed
    echo "$name"
}

build_arguments() {
    printf -- '--build-arg\n%s\n' \
        "PYTHON_IMAGE=$1" \
        "BASE_DIGEST=$(sed -n 's/.*@\(sha256:[0-9a-f]*\)$/\1/p' <<<"$1")" \
        "VERSION=${VERSION:-$(version)}" \
        "REVISION=${REVISION:-$(revision)}" \
        "CREATED=${CREATED:-$(date --utc --date="@$(commit_time)" +%Y-%m-%dT%H:%M:%SZ)}" \
        "SOURCE=${SOURCE:-}"
}

write_secrets() { # how this machine reaches its package index: pip's own settings, and the certificate they need
    { "${PYTHON:-python3}" -m pip config list || true; } 2>/dev/null |
        sed -nE "s/^(:env:|global|install)\.(index-url|extra-index-url|trusted-host|timeout|retries|cert)='(.*)'$/\2 = \3/p" |
        awk '!seen[$1]++' >"$scratch/settings" # pip lists the environment's before the files'
    local certificate
    certificate=$(sed -n 's/^cert = //p' "$scratch/settings")
    certificate=${certificate:-${SSL_CERT_FILE:-}}
    {
        echo "[global]"
        grep -v '^cert = ' "$scratch/settings" || true
        [ -z "$certificate" ] || echo "cert = /run/secrets/ca.pem"
    } >"$scratch/pip.conf"
    if [ -n "$certificate" ]; then cp "$certificate" "$scratch/ca.pem"; else : >"$scratch/ca.pem"; fi
}

with_docker() {
    local digest arguments
    if [[ $base != *@* ]]; then
        if digest=$(docker buildx imagetools inspect "$base" --format '{{.Manifest.Digest}}'); then
            base=$base@$digest
        else
            echo "image: $base could not be resolved to a digest; building from what the daemon has" >&2
        fi
    fi
    mapfile -t arguments < <(build_arguments "$base")
    SOURCE_DATE_EPOCH=$(commit_time) docker buildx build --load --provenance=false "${arguments[@]}" \
        --secret "id=pip_conf,src=$scratch/pip.conf" --secret "id=ca,src=$scratch/ca.pem" --tag "$image" .
    docker save --output "$archive" "$image"
}

install_tools() {
    local missing=()
    command -v buildah >/dev/null || missing+=(buildah)
    command -v debootstrap >/dev/null || missing+=(debootstrap)
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "image: no docker daemon answers, and ${missing[*]} cannot be installed here: that needs root and apt" >&2
        return 1
    fi
    echo "image: no docker daemon answers: installing ${missing[*]} by apt"
    if ! { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "${missing[@]}"; } \
        >"$scratch/apt.log" 2>&1; then
        tail -n 20 "$scratch/apt.log" >&2
        return 1
    fi
}

with_buildah() {
    local storage arguments
    install_tools
    storage=(--storage-driver vfs --root "$cache/storage" --runroot "$cache/run")
    export TMPDIR=$scratch
    buildah "${storage[@]}" rm --all >/dev/null # what a build that was killed has left: nobody else is here
    if ! buildah "${storage[@]}" inspect --type image "$base" >/dev/null 2>&1; then
        STORAGE_OPTIONS="${storage[*]}" image/base.sh "$base"
    fi
    mapfile -t arguments < <(build_arguments "$base")
    buildah "${storage[@]}" bud --isolation chroot --network host --pull-never --format docker --quiet \
        --timestamp "$(commit_time)" "${arguments[@]}" \
        --secret "id=pip_conf,src=$scratch/pip.conf" --secret "id=ca,src=$scratch/ca.pem" --tag "$image" . >/dev/null
    rm -f "$archive"
    buildah "${storage[@]}" push --quiet "$image" "docker-archive:$archive:$image"
    buildah "${storage[@]}" rmi "$image" >/dev/null # the archive is what was asked for; only the base is kept
}

write_secrets
if docker info >/dev/null 2>&1; then
    with_docker
else
    exec 9>"$cache/lock"
    flock 9 # one storage: builds on one machine take turns
    with_buildah 9>&-
fi
echo "image: $image is in $archive ($(du -h "$archive" | cut -f 1))"
