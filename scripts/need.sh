#!/usr/bin/env bash
# Makes sure that what building ("need.sh build") or testing ("need.sh test") needs is on the machine.
# As root on Debian it installs what is missing; elsewhere it says so in one sentence. Without Go and
# npm nothing can be done: it says all that is missing, installs nothing and fails. Without the rest the
# tests run, and name what they skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

stage=${1:-build}
missing=()

# need PACKAGE TEST…: PACKAGE is missing when TEST fails.
need() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

# Go believes the machine's certificates when it downloads, and a bare Debian has none.
need ca-certificates compgen -G '/etc/ssl/certs/ca-*'

# It speaks the telephone's announcements while the program is built, and callers in the tests.
need espeak-ng command -v espeak-ng

if [ "$stage" = test ]; then
  need postgresql-15 test -x /usr/lib/postgresql/15/bin/postgres
  need chromium command -v chromium
  need chromium-headless-shell command -v chromium-headless-shell
  need fonts-dejavu-core test -d /usr/share/fonts/truetype/dejavu
  # The telephones that call the trunk, and are called by it.
  need sip-tester command -v sipp
  need baresip command -v baresip
  # It makes the Opus that they speak.
  need opus-tools command -v opusenc
  # Who scans it for devices and extensions.
  need sipvicious command -v svmap
  # What stands in front of several nodes (deploy/kamailio).
  need kamailio command -v kamailio
  # The mail server that letters go through, and the mailbox that answers come to.
  need exim4-daemon-light test -x /usr/sbin/exim4
  need dovecot-imapd test -x /usr/lib/dovecot/imap
  # What a police officer checks an export of evidence with.
  need unzip command -v unzip
  need openssl command -v openssl
  # What reads the pages that are printed.
  need poppler-utils command -v pdftotext
  # The race detector is compiled with the C compiler.
  need gcc command -v gcc
  need libc6-dev test -e /usr/include/stdlib.h
fi

# PostgreSQL's package makes a cluster and starts it; the tests only want its programs.
no_cluster=/etc/postgresql-common/createcluster.d/zz-vigie.conf
# And nothing that is installed is to be started as a service (Debian Policy §9.3.3.2: policy-rc.d).
no_service=/usr/sbin/policy-rc.d
install_missing() {
  if [ "$stage" = test ]; then
    trap 'rm -f "$no_cluster"' EXIT
    mkdir -p "$(dirname "$no_cluster")"
    echo 'create_main_cluster = false' >"$no_cluster"
    if [ ! -e "$no_service" ]; then
      trap 'rm -f "$no_cluster" "$no_service"' EXIT
      printf '#!/bin/sh\nexit 101\n' >"$no_service"
      chmod 755 "$no_service"
    fi
  fi
  echo "Installing from Debian: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  {
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
  } >.vigie/debian.log 2>&1
}

# These do not come from Debian 12, whose Go and Node.js are too old. A Go from 1.21 on fetches the one
# that go.mod wants, unless it is told not to.
wanted=$(sed -n 's/^go //p' go.mod)
ready=yes
if ! command -v go >/dev/null; then
  echo "Go $wanted is missing: install it from https://go.dev/dl and put it on the PATH." >&2
  ready=
elif ! why=$(go list -m 2>&1); then
  echo "$why" >&2
  echo "Go $wanted is missing: install it from https://go.dev/dl and put it on the PATH before $(command -v go)." >&2
  ready=
fi
if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
  echo "Node.js 20 or newer with npm is missing: install it from https://nodejs.org and put it on the PATH." >&2
  ready=
fi

if [ ${#missing[@]} -gt 0 ]; then
  mkdir -p .vigie
  if [ "$ready" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    install_missing || {
      tail -n 5 .vigie/debian.log >&2
      echo "Debian would not install ${missing[*]} (the whole story is in .vigie/debian.log)." >&2
    }
  else
    echo "Missing here: ${missing[*]}. As root: apt-get install --no-install-recommends ${missing[*]}" >&2
  fi
fi
[ "$ready" ]
