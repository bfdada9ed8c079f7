#!/bin/bash
#SBATCH --job-name=ipc-123456-e0a4
#SBATCH --comment="ipcluster /work/jobs/one"
#SBATCH --output=/work/jobs/one/stdout
#SBATCH --error=/work/jobs/one/stderr
#SBATCH --open-mode=append
#SBATCH --no-requeue
#SBATCH --no-kill
#SBATCH --ntasks=8
#SBATCH --cpus-per-task=2
#SBATCH --mem-per-cpu=1024M
#SBATCH --time=01:00:00
#SBATCH --partition=short
#SBATCH --account=proj1
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
export IPCLUSTER_JOB="slurm:${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}"
export IPCLUSTER_ELEMENT=
export IPCLUSTER_INCARNATION="${SLURM_RESTART_COUNT:-0}"
end="${SLURM_JOB_END_TIME:-}"
# An array's id stands for all its elements.
id=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
# What a user has told squeue in general is not meant for this. An empty answer is no time: date would take it for last midnight.
# shellcheck disable=SC2317
ask_deadline() {
  local end timeout
  timeout=$(command -v timeout)
  unset "${!SQUEUE_@}" SLURM_TIME_FORMAT
  end=$(${timeout:+"$timeout" 5} squeue -h -j "$1" -o %e 2>/dev/null) && [ -n "$end" ] && date -d "$end" +%s 2>/dev/null
}
# The controller of the system may be busiest when a large job starts, and not every node may ask it.
[ -n "$end" ] || end=$(ask_deadline "${id:-$SLURM_JOB_ID}")
[ -n "$end" ] || end=$(($(date +%s) + 3600))
export IPCLUSTER_DEADLINE="$end"
# The end may be moved while the job runs.
IPCLUSTER_ASK_DEADLINE="$(declare -f ask_deadline); ask_deadline ${id:-$SLURM_JOB_ID}"
export IPCLUSTER_ASK_DEADLINE
export IPCLUSTER_CPUS_EACH="${SLURM_CPUS_PER_TASK:-1}"
export IPCLUSTER_LAYOUT="${SLURM_TASKS_PER_NODE:-1}"
export IPCLUSTER_NODES="${SLURM_JOB_NODELIST:-}"
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
# GPUs that were asked for by the task: a step of one task for each node would take that of one, and asks for all of them.
step_gpus=
case "${SLURM_GPUS_PER_TASK:-}/${SLURM_NTASKS:-}" in
  *,* | /* | */) ;;
  *) step_gpus="--gpus=${SLURM_GPUS_PER_TASK%"${SLURM_GPUS_PER_TASK##*:}"}$((${SLURM_GPUS_PER_TASK##*:} * SLURM_NTASKS))" ;;
esac
# A step must not inherit what was meant for the script alone: of Slurm's variables it keeps the facts of the allocation, and none
# that srun reads as an option (srun(1), INPUT ENVIRONMENT VARIABLES).
for variable in "${!SLURM_@}" "${!SRUN_@}"; do
  case $variable in
    SLURM_JOB_* | SLURM_JOBID | SLURM_ARRAY_* | SLURM_HET_* | SLURM_CLUSTER* | SLURM_CONF* | SLURM_SUBMIT_* | SLURM_RESTART_COUNT) ;;
    SLURM_NODELIST | SLURM_NNODES | SLURM_*_ON_NODE | SLURM_TOPOLOGY_* | SLURM_STEP* | SLURM_NODEID | SLURM_JWT | SLURM_SACK_*) ;;
    *) unset "$variable" 2>/dev/null ;;
  esac
done
unset "${!SBATCH_CPU_BIND@}" 2>/dev/null
# Where a step surrounds this, it holds what the next one would wait for.
[ -z "${SLURM_STEP_ID:-}" ] || export SLURM_OVERLAP=1
# srun says only after a minute that its step waits for another one of the job (22.05). That is asked for after 10 s in which nothing
# has begun; reading from what says nothing is a sleep that leaves no process behind.
watch_step() {
  local steps timeout
  read -rt 10 <> <(:)
  ! compgen -G "$IPCLUSTER_JOB_DIR/node-*.log" >/dev/null || return
  unset "${!SQUEUE_@}"
  timeout=$(command -v timeout)
  steps=$(${timeout:+"$timeout" 5} squeue -h -s -j "$SLURM_JOB_ID" -o '%i %j %N' 2>/dev/null | grep -v '^[^ ]*[.]\(batch\|extern\|interactive\|TBD\)')
  [ -z "$steps" ] || printf 'ipcluster: nothing has begun on the nodes, and other steps of the job run there: %s\n' "${steps//$'\n'/, }" >&2
}
watch_step </dev/null &
step_watcher=$!
# One supervisor for each node, with the node's whole share of the job; a lost node costs its own engines only. --mem=0: it takes
# no memory away from the steps of tasks, which would wait for it for ever.
if ! command -v srun >/dev/null 2>&1 && [ "${SLURM_JOB_NUM_NODES:-1}" -eq 1 ]; then
  # One node needs nobody who reaches others.
  run /bin/bash "$IPCLUSTER_JOB_DIR/node.sh" "$IPCLUSTER_ALLOCATION" 0
else
  run srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --cpu-bind=none --mem=0 --export=ALL \
    --no-kill --kill-on-bad-exit=0 --mpi=none --input=none ${step_gpus:+"$step_gpus"} \
    /bin/bash "$IPCLUSTER_JOB_DIR/node.sh" "$IPCLUSTER_ALLOCATION"
fi
# A signal ends the wait, not what is waited for: that gets it too, and is waited for again.
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2>/dev/null || break
  [ -z "$told" ] || kill -s "$told" "$child" 2>/dev/null
done
kill "$step_watcher" 2>/dev/null
# The exit record: how it ended, in the job's own words.
record="$IPCLUSTER_JOB_DIR/exit${IPCLUSTER_ELEMENT:+-$IPCLUSTER_ELEMENT}.json"
printf '{"incarnation":%d,"exitCode":%d,"told":"%s","ended":"%s"}\n' \
  "$IPCLUSTER_INCARNATION" "$code" "$told" "$(date -u +%FT%TZ)" >"$record.tmp" && mv "$record.tmp" "$record"
exit "$code"
