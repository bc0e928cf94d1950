#!/usr/bin/env bash
# The adapter's tests with AddressSanitizer in our C. CPython's own allocator is
# replaced by malloc, so that its objects are watched too; leaks are not looked
# for, because CPython keeps what it allocates once.
set -euo pipefail
cd "$(dirname "$0")/.."
export ASAN_OPTIONS=detect_leaks=0
export PYTHONMALLOC=malloc
go test -asan -count=1 -parallel 4 -timeout 40m ./internal/python ./test/wsgi
