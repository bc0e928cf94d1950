#!/usr/bin/env bash
# Installs what building and testing need, when it is missing. Debian; needs
# root only for what is missing.
set -euo pipefail

packages=(
  gcc libc6-dev make                        # cgo
  libpython3.11 python3 python3-venv        # a Python with a shared library
  curl                                      # a real client
  chromium                                  # a real browser, headless
  procps                                    # ps: the names of processes, as people see them
  wrk apache2 libapache2-mod-wsgi-py3       # load and a peer, for `make bench`
)
[ "${SETUP_BENCH:-1}" = 1 ] || packages=("${packages[@]:0:9}")

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
