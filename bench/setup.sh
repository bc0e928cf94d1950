#!/bin/sh
# Installs what the comparison needs and is missing: Debian's wrk, Apache and mod_wsgi (as root only), and a
# virtual environment with the Python peers. Running it again costs nothing when all is there.
#
#   setup.sh VENV PYTHON REQUIREMENTS
set -eu
[ $# -eq 3 ] || { echo "usage: $0 VENV PYTHON REQUIREMENTS" >&2; exit 2; }
venv=$1 python=$2 requirements=$3

packages=
command -v wrk >/dev/null || packages="$packages wrk"
apache_is_new=
if ! command -v apache2 >/dev/null && ! [ -x /usr/sbin/apache2 ]; then
	packages="$packages apache2"
	apache_is_new=yes
fi
[ -e /usr/lib/apache2/modules/mod_wsgi.so ] || packages="$packages libapache2-mod-wsgi-py3"
command -v "$python" >/dev/null || packages="$packages python3"
"$python" -c 'import ensurepip' 2>/dev/null || packages="$packages python3-venv"

if [ -n "$packages" ]; then
	if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
		apt-get update -q
		# shellcheck disable=SC2086 # a list of names
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages
	else
		echo "setup: not root, or no apt-get: install by hand:$packages" >&2
	fi
fi
# The package starts a server of its own on port 80, which nobody asked for.
if [ -n "$apache_is_new" ] && command -v systemctl >/dev/null; then
	systemctl disable --now apache2 2>/dev/null || true
fi

# The stamp is what was installed, by which Python; a difference makes the environment anew.
stamp="$venv/.installed"
wanted=$("$python" -c 'import sys; print(sys.version, sys.base_prefix)'; cat "$requirements")
if ! [ -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
	"$python" -m venv --clear "$venv"
	"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
	printf '%s\n' "$wanted" >"$stamp"
	chmod -R a+rX "$venv" # Apache and Gophersnake drop to another user
fi
