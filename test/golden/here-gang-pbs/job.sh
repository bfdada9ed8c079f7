#!/bin/bash
# ipc-123456-e0a4: a job of ipcluster inside an allocation. What it is, says and comes to is in /work/jobs/one.
# What BASH_ENV has set for the user's own scripts must not end this one.
set +eu
# An order to end is passed on to those who run in it; the script lives on to write down how they ended. Other signals reach them directly.
told=
trap 'told=TERM' TERM
trap 'told=INT' INT
trap 'told=HUP' HUP
# Not trapped: bash may lose the code of a child that ends in the moment in which a signal ends the wait for it.
trap '' USR1 USR2
# Starts what is waited for below, with all signals as they were.
child=
# shellcheck disable=SC2317  # Not every script has a use for it.
run() {
  (trap - USR1 USR2; exec "$@") </dev/null &
  child=$!
}
unset NODE_OPTIONS
export IPCLUSTER_JOB_DIR=/work/jobs/one
export IPCLUSTER_MARK='/home/a b/profile##run/engines'
export IPCLUSTER_COUNT='8'
export GREETING='it'\''s here'
exec >>"$IPCLUSTER_JOB_DIR/stdout" 2>>"$IPCLUSTER_JOB_DIR/stderr" </dev/null
export IPCLUSTER_ELEMENT=
export IPCLUSTER_INCARNATION=0
watcher=
export IPCLUSTER_JOB="pbs:$PBS_JOBID"
# The end may be moved while the job runs: it is when the job began and the limit that it has now. Not every PBS says when it began.
# shellcheck disable=SC2317
ask_deadline() {
  local said limit start began=$2 hours minutes seconds
  said=$(qstat -f "$1")
  limit=$(sed -n 's/^ *Resource_List.walltime = //p' <<<"$said")
  start=$(sed -n 's/^ *s\(tart_\)\{0,1\}time = //p' <<<"$said")
  [ -z "$start" ] || began=$(date -d "$start" +%s 2>/dev/null) || began=$2
  IFS=: read -r hours minutes seconds <<<"$limit"
  [ -n "$seconds" ] && echo "$((began + 10#$hours * 3600 + 10#$minutes * 60 + 10#$seconds))"
}
began=$((IPCLUSTER_DEADLINE - 3600))
# An array's id has brackets.
IPCLUSTER_ASK_DEADLINE="$(declare -f ask_deadline); ask_deadline $(printf %q "$PBS_JOBID") $began"
export IPCLUSTER_ASK_DEADLINE
# Engines for each host, in the order of the node file, which has one line for each engine.
layout=$(awk '!($0 in n) { host[++k] = $0 } { n[$0]++ } END { for (i = 1; i <= k; i++) { printf "%s%d", separator, n[host[i]]; separator = "," } }' "$PBS_NODEFILE")
export IPCLUSTER_LAYOUT="$layout"
# What this run of the job is, for every node of it: not every way to a node takes the environment along.
record="$IPCLUSTER_JOB_DIR/exit${IPCLUSTER_ELEMENT:+-$IPCLUSTER_ELEMENT}.json"
# A job that the scheduler starts again has not ended, whatever its run before wrote.
[ ! -e "$record" ] || mv "$record" "$record.before"
IPCLUSTER_ALLOCATION="$IPCLUSTER_JOB_DIR/allocation${IPCLUSTER_ELEMENT:+-$IPCLUSTER_ELEMENT}-$IPCLUSTER_INCARNATION.sh"
{
  for variable in IPCLUSTER_JOB IPCLUSTER_ELEMENT IPCLUSTER_INCARNATION IPCLUSTER_DEADLINE IPCLUSTER_ASK_DEADLINE IPCLUSTER_LAYOUT IPCLUSTER_NODES IPCLUSTER_CPUS_EACH PATH LD_LIBRARY_PATH \
    MODULEPATH MODULESHOME LMOD_PKG BASH_ENV; do
    [ -z "${!variable}" ] || printf 'export %s=%q\n' "$variable" "${!variable}"
  done
} >"$IPCLUSTER_ALLOCATION" || exit 1
# Waits for all of those processes, passes signals on to them and to those that they read from, and ends with the last code that is not 0.
sources=()
collect() {
  local pid status worst=0
  trap 'kill -s TERM "$@" "${sources[@]}" 2>/dev/null' TERM INT HUP
  for pid in "$@"; do
    while :; do
      wait "$pid"
      status=$?
      kill -0 "$pid" 2>/dev/null || break
    done
    [ "$status" -eq 0 ] || worst=$status
  done
  exit "$worst"
}
# shellcheck source=/dev/null
pbsdsh=$(command -v pbsdsh) || pbsdsh=$(. "${PBS_CONF_FILE:-/etc/pbs.conf}" 2>/dev/null && echo "$PBS_EXEC/bin/pbsdsh")
# pbsdsh ends with 0 whatever its task did; the task's code stands in its words (256 and more is a signal). Where it says neither
# a code, but that something is wrong, no task was there. Nothing of it is kept in a file: the disk may be full.
read_code() {
  trap '' TERM INT HUP
  exec awk '
    { print }
    match($0, /exit status -?[0-9]+/) { own = substr($0, RSTART + 12) + 0; if (own != 0) code = own; next }
    /not found|No such file/ { wrong = 127 }
    !wrong && tolower($0) ~ /error|fail|out of range|invalid|denied|refused/ { wrong = 1 }
    END { if (!code) code = wrong; if (code > 256) code -= 128; if (code < 0 || code > 255) code = 1; exit code }'
}
# One supervisor for each host: pbsdsh counts the lines of the node file.
(
  index=0 pids=()
  while read -r line; do
    (trap - USR1 USR2; exec "$pbsdsh" -n "$line" -- /bin/bash "$IPCLUSTER_JOB_DIR/node.sh" "$IPCLUSTER_ALLOCATION" "$index") </dev/null 2>&1 | read_code &
    pids+=("$!")
    # The first process of a pipeline.
    sources+=("$(jobs -p %%)")
    index=$((index + 1))
  done < <(awk '!($0 in n) { print NR - 1 } { n[$0]++ }' "$PBS_NODEFILE")
  collect "${pids[@]}"
) &
child=$!
# A signal ends the wait, not what is waited for: that gets it too, and is waited for again.
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2>/dev/null || break
  [ -z "$told" ] || kill -s "$told" "$child" 2>/dev/null
done
[ -z "$watcher" ] || kill "$watcher" 2>/dev/null
# The exit record: how it ended, in the job's own words.
record="$IPCLUSTER_JOB_DIR/exit${IPCLUSTER_ELEMENT:+-$IPCLUSTER_ELEMENT}.json"
printf '{"incarnation":%d,"exitCode":%d,"told":"%s","ended":"%s"}\n' \
  "$IPCLUSTER_INCARNATION" "$code" "$told" "$(date -u +%FT%TZ)" >"$record.tmp" && mv "$record.tmp" "$record"
exit "$code"
