#!/usr/bin/env bash
# All tests. Each part prints its name and how long it took.
set -euo pipefail
cd "$(dirname "$0")/.."

part() {
  local name=$1 start=$SECONDS
  shift
  echo "== $name"
  "$@"
  echo "== $name: $((SECONDS - start)) s"
}

pure() { # everything but CPython itself builds and passes without cgo
  CGO_ENABLED=0 go test $(go list ./... | grep -vE '/internal/(python|cli)$|/cmd/|/test/|/internal/python/')
}

part "without cgo" pure
# one package at a time: those of test/ start servers and load them
part "race detector" go test -race -p 1 -timeout 20m $(go list ./... | grep -v /test/wsgi)
# most of the time its children wait
part "race detector, every Python" go test -race -parallel 4 -timeout 40m ./test/wsgi
