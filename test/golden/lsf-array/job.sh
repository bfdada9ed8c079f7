#!/bin/bash
#BSUB -J ipc-123456-e0a4[1-8]
#BSUB -o /work/jobs/one/scheduler
#BSUB -n 2
#BSUB -rn
#BSUB -R "span[hosts=1]"
#BSUB -R "rusage[mem=1024MB]"
#BSUB -W 1:00
#BSUB -q short
#BSUB -P proj1
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
export IPCLUSTER_JOB="lsf:$LSB_JOBID"
export IPCLUSTER_ELEMENT="$((LSB_JOBINDEX + -1))"
# The system does not say how often it has started this job again; the runs before have left their files.
runs=("$IPCLUSTER_JOB_DIR/allocation${IPCLUSTER_ELEMENT:+-$IPCLUSTER_ELEMENT}"-[0-9]*.sh)
export IPCLUSTER_INCARNATION=0
[ ! -e "${runs[0]}" ] || IPCLUSTER_INCARNATION=${#runs[@]}
export IPCLUSTER_DEADLINE="$(($(date +%s) + 3600))"
export IPCLUSTER_CPUS_EACH=2
# The end may be moved while the job runs (bmod -W): LSF says it to the minute, with an L for a limit that is in force. What is less
# than a minute away from the end that is known is the same; a year is not always said.
# shellcheck disable=SC2317
ask_deadline() {
  local said end
  said=$(bjobs -noheader -o finish_time "$1")
  case $said in *" L") ;; *) return ;; esac
  end=$(date -d "${said% L}" +%s) || return
  [ "$end" -gt "$(($(date +%s) - 15552000))" ] || end=$(date -d "${said% L} 1 year" +%s) || return
  [ -z "$IPCLUSTER_DEADLINE" ] || [ "$((end - IPCLUSTER_DEADLINE))" -ge 60 ] || [ "$((IPCLUSTER_DEADLINE - end))" -ge 60 ] ||
    end=$IPCLUSTER_DEADLINE
  echo "$end"
}
# An element's id has its index in brackets.
asked=$LSB_JOBID
[ "${LSB_JOBINDEX:-0}" -eq 0 ] || asked="${LSB_JOBID}[$LSB_JOBINDEX]"
IPCLUSTER_ASK_DEADLINE="$(declare -f ask_deadline); ask_deadline $(printf %q "$asked")"
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
