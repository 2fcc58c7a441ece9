#!/usr/bin/env bash
# Make .env out of .env.example: a random value for each line that has none. An .env that is there stays as it is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ -e .env ]; then
    echo ".env is there already"
    exit 0
fi
umask 077 # for its owner alone
while IFS= read -r line; do
    [[ $line =~ ^[A-Z_]+=$ ]] && line+=$(head -c 48 /dev/urandom | base64 | tr -dc 'A-Za-z0-9')
    printf '%s\n' "$line"
done <.env.example >.env.new
mv .env.new .env
echo ".env made; keep it: without it the database does not open"
