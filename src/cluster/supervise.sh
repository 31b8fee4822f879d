#!/bin/sh
# Keeps the cluster's processes running: supervise.sh NODE BIN DATA_DIR RUN_DIR LOG_DIR NAME...
# Each NAME (server, agent) is started again when it ends, after 1, 2, 4, 8, then 16 seconds; a run of a minute resets that.
# SIGTERM ends them all, the last one first.
set -u

node=$1 bin=$2 data=$3 run=$4 logs=$5
shift 5
umask 022
# Two of them would fight over the store and the pid files: the second leaves the field.
exec 9>"$run/supervisor.lock"
if command -v flock >/dev/null 2>&1 && ! flock -n 9; then
  echo "supervisor: another one runs already"
  exit 0
fi
echo $$ >"$run/supervisor.pid"

keep() {
  name=$1
  # Megabytes for what is young: a server answers quicker with many, an agent has little that is young and would only hold them.
  young=32
  [ "$name" = agent ] && young=4
  pause=1
  child=
  stopping=
  trap 'stopping=yes; [ -n "$child" ] && kill -TERM "$child" 2>/dev/null' TERM
  # In a subshell $$ is still the supervisor: who has lost it starts nothing any more.
  while [ -z "$stopping" ] && kill -0 $$ 2>/dev/null; do
    began=$(date +%s)
    "$node" --disable-warning=ExperimentalWarning --max-semi-space-size=$young "$bin" "$name" --data-dir "$data" >>"$logs/$name.log" 2>&1 </dev/null 9>&- &
    child=$!
    # The signal may have come before there was a child to hand it to.
    [ -n "$stopping" ] && kill -TERM "$child" 2>/dev/null
    wait "$child"
    while kill -0 "$child" 2>/dev/null; do wait "$child"; done
    [ -n "$stopping" ] && break
    [ $(($(date +%s) - began)) -ge 60 ] && pause=1
    echo "supervisor: $name ended, starting it again in $pause s" >>"$logs/$name.log"
    sleep "$pause" 9>&- &
    child=$!
    [ -n "$stopping" ] && break
    wait "$child"
    [ "$pause" -lt 16 ] && pause=$((pause * 2))
  done
}

finish() {
  trap '' TERM
  for keeper in $keepers; do
    # Again and again: what has only just been forked, keeper or process, may not hear the first.
    while kill -TERM "$keeper" 2>/dev/null; do sleep 0.1; done
  done
  rm -f "$run/supervisor.pid"
  exit 0
}

# Until all keepers are known, a signal only waits its turn.
keepers=
early=
trap 'early=yes' TERM INT
for name in "$@"; do
  keep "$name" &
  keepers="$! $keepers"
done
trap finish TERM INT
[ -n "$early" ] && finish
while :; do wait; done
