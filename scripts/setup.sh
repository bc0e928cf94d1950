#!/usr/bin/env bash
# Installs what a purpose needs, when it is missing. Debian; needs root only for
# what is missing.
#
#   setup.sh build    to build the program
#   setup.sh demo     to build it and serve the demonstration
#   setup.sh test     to run all tests
#   setup.sh bench    to run the benchmarks
#
#   setup.sh -n ...   print what the purpose needs, and install nothing
set -euo pipefail

dry=
if [ "${1:-}" = -n ]; then
  dry=1
  shift
fi

build=(gcc libc6-dev make)                        # cgo
demo=("${build[@]}" python3 libpython3.11)        # a Python with a shared library
testing=("${demo[@]}" python3-venv                # virtual environments, and pip for the frameworks
  curl                                            # a real client
  chromium                                        # a real browser, headless
  procps)                                         # ps: the names of processes, as people see them
bench=("${demo[@]}" python3-venv
  wrk apache2 libapache2-mod-wsgi-py3)            # load and a peer

case "${1:-}" in
  build) packages=("${build[@]}") ;;
  demo) packages=("${demo[@]}") ;;
  test) packages=("${testing[@]}") ;;
  bench) packages=("${bench[@]}") ;;
  *)
    echo "usage: setup.sh [-n] build|demo|test|bench" >&2
    exit 2
    ;;
esac
if [ -n "$dry" ]; then
  printf '%s\n' "${packages[@]}"
  exit 0
fi

missing=()
for p in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "setup: installing ${missing[*]}"
if [ "$(id -u)" != 0 ]; then
  echo "setup: run this as root, or install: apt-get install ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Apache is started by the benchmarks themselves, never as a service.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d.gophersnake
chmod +x /usr/sbin/policy-rc.d.gophersnake
[ -e /usr/sbin/policy-rc.d ] || ln -s policy-rc.d.gophersnake /usr/sbin/policy-rc.d
trap 'rm -f /usr/sbin/policy-rc.d.gophersnake; [ -L /usr/sbin/policy-rc.d ] && rm -f /usr/sbin/policy-rc.d' EXIT
apt-get update -q >/dev/null
apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
