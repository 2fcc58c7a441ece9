#!/bin/sh
# Run a program of an unpacked image as a pod would: its root read-only, /tmp and /dev/shm in memory, no capability to gain.
#   unshare --mount enter.sh ROOT UID:GID WORKDIR DATA PROGRAM ARGUMENT...      the environment is the program's
# DATA is a folder that appears as /data; it is the one place outside that the program may write to.
set -eu
root=$1 user=$2 workdir=$3 data=$4
shift 4
mount --bind "$root" "$root"
mount -t tmpfs -o mode=755 none "$root/dev"
for device in null zero random urandom; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm"
mount -t tmpfs -o mode=1777,size=64m none "$root/dev/shm"
mount -o remount,ro "$root/dev"
mount -t tmpfs -o mode=1777,size=64m none "$root/tmp"
mount -t tmpfs -o mode=755 none "$root/srv"
mkdir "$root/srv/data"
mount --bind "$data" "$root/srv/data"
mount --bind /proc "$root/proc"
mount -o remount,bind,ro "$root"
# shellcheck disable=SC2016 # the inner shell expands them
exec chroot "$root" /bin/sh -c 'cd "$1"; user=$2; shift 2
    exec setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"' \
    sh "$workdir" "$user" "$@"
