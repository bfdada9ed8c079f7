# Sourced by the verbs of this bed.
state=/var/tmp/ipcluster-bed-ssh
shared=$state/shared
net=10.124.0
bridge=ipcssh0
hosts=16


init_of() { cat "$state/hosts/$1/init.pid" 2>/dev/null || true; }

# Runs a command in the namespaces of a host.
in_host() { # host command…
  local pid
  pid=$(init_of "$1")
  [ -n "$pid" ] || { echo "there is no $1" >&2; return 1; }
  shift
  nsenter --net --uts --mount --pid --target "$pid" --wdns="$PWD" "$@"
}
