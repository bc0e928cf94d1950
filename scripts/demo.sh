#!/usr/bin/env bash
# Serves the guest book in demo/ from a copy that any account can read: as root
# the server runs as www-data, which a checkout may not let in.
set -euo pipefail
program=$1
shift
dir=$(mktemp -d "${TMPDIR:-/tmp}/gophersnake-demo.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cp -r "$(dirname "$0")/../demo/." "$dir"
chmod -R a+rX "$dir"
# in a group of its own, so that an interrupt from the terminal reaches it once
setsid "$program" start-server "$dir/wsgi.py" --host 127.0.0.1 --working-directory "$dir" \
  --url-alias /static "$dir/static" --access-log "$@" &
server=$!
trap 'kill -TERM $server 2>/dev/null; wait $server || true; rm -rf "$dir"' EXIT
trap 'exit 0' INT TERM
wait $server
