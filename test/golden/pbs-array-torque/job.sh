#!/bin/bash
#PBS -N ipc-123456-e0a4
#PBS -S /bin/bash
#PBS -j oe
#PBS -o /work/jobs/one/scheduler
#PBS -l nodes=1:ppn=2
#PBS -l pmem=1024mb
#PBS -l walltime=01:00:00
#PBS -q short
#PBS -A proj1
#PBS -t 0-7
# ipc-123456-e0a4: a job of ipcluster. What it is, says and comes to is in /work/jobs/one.
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
# An element's id has its index in it; the job's has not.
job=$(printf '%s' "$PBS_JOBID" | sed 's/\[[0-9]*\]/[]/')
export IPCLUSTER_JOB="pbs:$job"
export IPCLUSTER_ELEMENT="$((${PBS_ARRAY_INDEX:-$PBS_ARRAYID} + 0))"
# The system does not say how often it has started this job again; the runs before have left their files.
runs=("$IPCLUSTER_JOB_DIR/allocation${IPCLUSTER_ELEMENT:+-$IPCLUSTER_ELEMENT}"-[0-9]*.sh)
export IPCLUSTER_INCARNATION=0
[ ! -e "${runs[0]}" ] || IPCLUSTER_INCARNATION=${#runs[@]}
export IPCLUSTER_DEADLINE="$(($(date +%s) + 3600))"
export IPCLUSTER_CPUS_EACH=2
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
export IPCLUSTER_LAYOUT='1(x8)'
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
run /bin/bash "$IPCLUSTER_JOB_DIR/node.sh" "$IPCLUSTER_ALLOCATION" "${IPCLUSTER_ELEMENT:-0}"
# A signal ends the wait, not what is waited for: that gets it too, and is waited for again.
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2>/dev/null || break
  [ -z "$told" ] || kill -s "$told" "$child" 2>/dev/null
done
# The exit record: how it ended, in the job's own words.
record="$IPCLUSTER_JOB_DIR/exit${IPCLUSTER_ELEMENT:+-$IPCLUSTER_ELEMENT}.json"
printf '{"incarnation":%d,"exitCode":%d,"told":"%s","ended":"%s"}\n' \
  "$IPCLUSTER_INCARNATION" "$code" "$told" "$(date -u +%FT%TZ)" >"$record.tmp" && mv "$record.tmp" "$record"
exit "$code"
