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

# Go's fuzzer sometimes takes the end of its own time for a failure of the
# target; such a run has no failing input and is repeated.
run() {
  go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" "$1" 2>&1 | tee "$log" && return
  grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
while read -r package target; do
  echo "== fuzz $package $target"
  for attempt in 1 2 3; do
    if run "$package" "$target"; then
      if grep -q '^ok' "$log"; then continue 2; fi
      echo "fuzz: attempt $attempt ended by Go's own clock"
    else
      exit 1
    fi
  done
  exit 1
done <<<"$listed"
