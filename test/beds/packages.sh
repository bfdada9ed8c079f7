# Sourced by the beds: installs Debian packages without letting any daemon start by itself, and makes the ordinary users.
need_packages() { # commands… -- packages…
  local missing= policy=/usr/sbin/policy-rc.d made=
  while [ "$1" != -- ]; do command -v "$1" >/dev/null || missing=1; shift; done
  shift
  [ -n "$missing" ] || return 0
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; made=1; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null 2>&1; DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null; }
  [ -z "$made" ] || rm -f $policy
}

need_users() { # names…
  local name
  for name in "$@"; do id "$name" >/dev/null 2>&1 || useradd -m -s /bin/bash "$name"; done
}

# A zombie still answers kill -0: where PID 1 is slow to reap, only /proc tells.
alive() { [ -n "$1" ] && [ -e "/proc/$1/stat" ] && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }
