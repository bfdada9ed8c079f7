# Sourced: where the bed is, and how its commands find it.
state=${BED_SGE_STATE:-/var/spool/ipcluster-bed-sge}
net=10.126.0
hosts=2
slots=16
export SGE_ROOT=/var/lib/gridengine SGE_CELL=bed SGE_QMASTER_PORT=6544 SGE_EXECD_PORT=6545
in_ns() { local name=$1; shift; nsenter --net --uts --mount --pid --wdns="$PWD" --target "$(cat "$state/ns/$name.pid")" "$@"; }
