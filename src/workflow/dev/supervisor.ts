/** The shell programs that run in a container under development. They need a POSIX shell, dd and tar, as BusyBox and every distribution have. */

/**
 * The container's first process: runs the application, and runs it anew at HUP. An application that ends by itself is left ended until
 * then; its files can still be changed. Milliseconds matter: who does not end at TERM within a tenth of a second is killed.
 */
const supervisor = `again= over= child=
trap 'again=1' HUP
trap 'over=1' TERM INT
session=; command -v setsid >/dev/null 2>&1 && session=setsid
send() { if [ -n "$session" ]; then kill "$1" "-$child"; else kill "$1" "$child"; fi 2>/dev/null; }
while :; do
  again=
  $session "$@" & child=$!
  while [ -z "$again$over" ]; do
    wait "$child"; code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  if [ -z "$again$over" ]; then
    echo "[nami] ended with exit code $code; waiting for a change" >&2
    while [ -z "$again$over" ]; do sleep 3600 & idle=$!; wait "$idle"; kill "$idle" 2>/dev/null; done
  fi
  send -TERM
  for i in 1 2; do kill -0 "$child" 2>/dev/null || break; sleep 0.03; done
  if [ -n "$over" ]; then
    for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$child" 2>/dev/null || break; sleep 0.2; done
    send -KILL; exit 0
  fi
  send -KILL
  wait "$child" 2>/dev/null
done`

/** Reads `put SIZE` (an archive) and `run SIZE` (a script) with so many bytes behind, and answers each with its exit code. */
const receiver = `cd "$1" || exit 1
[ -w . ] || { echo "$1 cannot be written by user $(id -u)" >&2; exit 3; }
echo ready
while read -r what size; do
  case $what in
    put) dd bs="$size" count=1 iflag=fullblock 2>/dev/null | tar -xmf - ;;
    run) script=$(dd bs="$size" count=1 iflag=fullblock 2>/dev/null); eval "$script" ;;
  esac
  echo "done $?"
done`

/** Command of the container under development. */
export function supervised(command: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', supervisor, 'nami-dev', ...command]
}

/** Command of the program that takes changes of the folder. */
export function receiving(folder: string): readonly string[] {
  return ['/bin/sh', '-c', receiver, 'nami-sync', folder]
}

export const restartScript = 'kill -HUP 1'
