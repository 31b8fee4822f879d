/** The shell programs that run in a container under development. They need a POSIX shell, dd and tar, as BusyBox and every distribution have. */

/**
 * The container's first process: runs the application, and runs it anew at HUP. An application that ends by itself is left ended until
 * then; its files can still be changed. Milliseconds matter: who does not end at TERM at once is killed. In a file of its own it counts the
 * starts and says whether the last one runs or has ended.
 */
const supervisor = `state=$1; shift
again= over= child= count=0
trap 'again=1' HUP
trap 'over=1' TERM INT
session=; command -v setsid >/dev/null 2>&1 && session=setsid
send() { if [ -n "$session" ]; then kill "$1" "-$child"; else kill "$1" "$child"; fi 2>/dev/null; }
say() { { echo "$count $1" > "$state"; } 2>/dev/null; }
while :; do
  again=
  $session "$@" & child=$!
  count=$((count + 1)); say runs
  while [ -z "$again$over" ]; do
    wait "$child"; code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  if [ -z "$again$over" ]; then
    say ended
    echo "[nami] ended with exit code $code; waiting for a change" >&2
    while [ -z "$again$over" ]; do sleep 3600 & idle=$!; wait "$idle"; kill "$idle" 2>/dev/null; done
  fi
  send -TERM
  if [ -n "$over" ]; then
    for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$child" 2>/dev/null || break; sleep 0.2; done
    send -KILL; exit 0
  fi
  { sleep 0.06; send -KILL; } & killer=$!
  { while kill -0 "$child"; do wait "$child"; done; } 2>/dev/null
  { kill "$killer"; wait "$killer"; } 2>/dev/null
  send -KILL
done`

/**
 * Reads `put SIZE` (an archive) and `run SIZE` (a script) with so many bytes behind, and `restart`; answers each with its exit code. What
 * follows a `put` that failed is not done. A restart, which scripts may call too, comes back when the supervisor has started the application anew and those
 * of the ports in `$ports` that it listened on are open again, when it has ended, or after some seconds.
 */
const receiver = `cd "$1" || exit 1
[ -w . ] || { echo "$1 cannot be written by user $(id -u)" >&2; exit 3; }
ports=$2 supervisor=$3 file=$4 failed=0 heard=
listens() { grep -qs ":$1 0*:0000 0A" /proc/net/tcp /proc/net/tcp6; }
opened() { for port in $heard; do listens "$port" || return 1; done; }
state() { now= how=; { read -r now how < "$file"; } 2>/dev/null; }
restart() {
  for port in $ports; do
    case " $heard " in *" $port "*) ;; *) listens "$port" && heard="$heard $port" ;; esac
  done
  state; was=$now
  kill -HUP "$supervisor" || return
  [ -n "$was" ] || return 0
  tries=0
  sleep 0.04
  while [ $((tries += 1)) -lt 150 ]; do
    state
    if [ -n "$how" ] && [ "$now" != "$was" ]; then
      [ "$how" = ended ] && return 0
      opened && return 0
    fi
    sleep 0.02
  done
  heard=
}
echo ready
while read -r what size; do
  case $what in
    put) dd bs="$size" count=1 iflag=fullblock 2>/dev/null | tar -xmf -; failed=$?; code=$failed ;;
    restart) code=$failed failed=0
      [ "$code" = 0 ] && { restart; code=$?; } ;;
    run) script=$(dd bs="$size" count=1 iflag=fullblock 2>/dev/null); code=$failed failed=0
      [ "$code" = 0 ] && { eval "$script"; code=$?; } ;;
  esac
  echo "done $code"
done`

/** A supervisor's process, and the file in which it says how things stand. */
export interface Supervisor {
  readonly pid: number
  readonly file: string
}

/** The container's first process, and a place that every container can write. */
const first: Supervisor = { pid: 1, file: '/dev/shm/nami-dev' }

/** Command of the container under development. */
export function supervised(command: readonly string[], { file }: Pick<Supervisor, 'file'> = first): readonly string[] {
  return ['/bin/sh', '-c', supervisor, 'nami-dev', file, ...command]
}

export interface Received {
  readonly folder: string
  /** Of the application: a restart waits until they are open again. */
  readonly ports?: readonly number[]
  readonly supervisor?: Supervisor
}

/** Command of the program that takes changes of the folder. */
export function receiving({ folder, ports = [], supervisor = first }: Received): readonly string[] {
  const words = ports.map((port) => port.toString(16).toUpperCase().padStart(4, '0'))
  return ['/bin/sh', '-c', receiver, 'nami-sync', folder, words.join(' '), String(supervisor.pid), supervisor.file]
}

export const restartScript = 'restart'
