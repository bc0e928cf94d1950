#!/usr/bin/env bash
# Runs each fuzz target of scripts/fuzz.txt. `go test -fuzz` succeeds when there
# is no such target, so targets are looked for first, and a target in the
# sources that the list lacks is an error too.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}

listed=$(grep -v '^#' scripts/fuzz.txt)
found=$(git ls-files -co --exclude-standard '*_test.go' | xargs grep -lE '^func Fuzz' | while read -r file; do
  grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | sed "s|^func |./$(dirname "$file") |"
done)
if ! diff <(sort <<<"$listed") <(sort <<<"$found"); then
  echo "fuzz: scripts/fuzz.txt (<) and the sources (>) differ" >&2
  exit 1
fi
while read -r package target; do
  echo "== fuzz $package $target"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
done <<<"$listed"
