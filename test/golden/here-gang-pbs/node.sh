#!/bin/bash
# What runs on each node of ipc-123456-e0a4: one supervisor, which starts the engines of the node.
#   node.sh ALLOCATION [INDEX]: where Slurm starts it on all nodes at once, it tells the index itself.
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
# shellcheck source=/dev/null
. "$1" || exit 1
export IPCLUSTER_NODE_INDEX="${2:-${SLURM_NODEID:-0}}"
# What is started here is found by this mark, and never confused with what another node of the job has started on the same machine.
export IPCLUSTER_MARK="$IPCLUSTER_MARK.$IPCLUSTER_NODE_INDEX"
output="$IPCLUSTER_JOB_DIR/node-$IPCLUSTER_NODE_INDEX.log"
exec >>"$output" 2>&1
# The exit record of this node, however it ends: its code, the signal that it was told to end with, and its last words.
node_record="$IPCLUSTER_JOB_DIR/node-$IPCLUSTER_NODE_INDEX.json"
[ ! -e "$node_record" ] || mv "$node_record" "$node_record.before"
# shellcheck disable=SC2317 # It is called by the trap.
write_node_record() {
  local words
  words=$(tail -n 20 "$output" | grep '^[^[:space:]]' | tail -n 1 | tr -d '\000-\037' | cut -c 1-500)
  words=${words//\\/\\\\}
  printf '{"incarnation":%d,"node":"%s","exitCode":%d,"told":"%s","words":"%s","ended":"%s"}\n' "${IPCLUSTER_INCARNATION:-0}" \
    "${SLURMD_NODENAME:-$(hostname)}" "$1" "$told" "${words//\"/\\\"}" "$(date -u +%FT%TZ)" >"$node_record.tmp" &&
    mv "$node_record.tmp" "$node_record"
}
trap 'write_node_record "$?"' EXIT
# Not the folder of the job, which is cleared away some time after its end.
cd '/home/a b' 2>/dev/null || {
  cd "${HOME:-/}" 2>/dev/null || cd / || exit 1
  printf 'ipcluster: there is no folder %s on %s: what runs here starts in %s\n' '/home/a b' "$(hostname)" "$PWD"
}
# Lines of others are run as their own shells would run them: what activates an environment may use variables that are not set.
set +eu
# A shell that is no login's may not know `module`: the files that define it are tried in turn, a site's own first.
for file in /etc/profile.d/*mod*.sh {"${MODULESHOME:-}","${LMOD_PKG:-}",/usr/share/{modules,Modules,lmod/lmod},/opt/modules/default}/init/bash; do
  ! type module >/dev/null 2>&1 || break
  # shellcheck source=/dev/null
  [ ! -r "$file" ] || . "$file"
done
if ! type module >/dev/null 2>&1; then
  printf 'ipcluster: there is no "module" on %s\n' "$(hostname)"
  exit 1
fi
load_module() {
  module load "$@" && return
  printf 'ipcluster: the module %s cannot be loaded on %s\n' "$*" "$(hostname)"
  exit 1
}
load_module gcc/12
# shellcheck source=/dev/null
. "$(conda info --base)/etc/profile.d/conda.sh" || exit 1
conda activate 'my env' || exit 1
ulimit -c 0
# What they have set for themselves must not end what follows.
set +eu
# Is the program there, and can it run? A log that says so is better than a job that does nothing.
said=$(/opt/node --version 2>&1)
code=$?
# What was ended before it could say so is no proof of anything.
if [ "$code" -eq 143 ] || { [ "$code" -ne 0 ] && [ -n "$told" ]; }; then
  printf 'ipcluster: told to end on %s before anything ran\n' "$(hostname)"
  told=${told:-TERM}
  exit 143
fi
if [ "$code" -ne 0 ]; then
  printf 'ipcluster: cannot be run on %s: %s\n%s\n' "$(hostname)" /opt/node "$said"
  exit 127
fi
run /opt/node /package/dist/programs/ipengine.js --file '/work/it'\''s/join.json'
# A signal ends the wait, not what is waited for: that gets it too, and is waited for again.
while :; do
  wait "$child"
  code=$?
  kill -0 "$child" 2>/dev/null || break
  [ -z "$told" ] || kill -s "$told" "$child" 2>/dev/null
done
if [ "$code" -ne 0 ]; then
  # Nobody has told it to end, and it had no time for a word of its own.
  [ "$code" -lt 129 ] || [ -n "$told" ] || printf 'ipcluster: what ran on %s was killed by signal %d\n' "$(hostname)" "$((code - 128))"
  /opt/node /package/dist/programs/sweep.js </dev/null >/dev/null 2>&1
fi
echo bye
# A line above may have put a trap of its own in the place of ours.
trap 'write_node_record "$code"' EXIT
exit "$code"
