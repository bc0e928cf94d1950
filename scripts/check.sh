#!/usr/bin/env bash
# Formatting, vet and lint. Installs the linter below build/ if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

version=v2.5.0
linter=build/tools/golangci-lint-$version

unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then
  echo "check: not formatted: $unformatted" >&2
  exit 1
fi
go vet ./...
CGO_ENABLED=0 go vet $(go list ./... | grep -vE '/internal/(python|cli)$|/cmd/|/test/|/internal/python/')
if [ ! -x "$linter" ]; then
  echo "check: building golangci-lint $version"
  mkdir -p build/tools
  GOBIN=$PWD/build/tools go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
  mv build/tools/golangci-lint "$linter"
fi
"$linter" run ./...
