/** The containerd that is ours alone, never the system's: configured, started in a session of its own, found again and stopped. */
import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { connectContainerd } from '#kubelet/cri/containerd.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import { type ContainerdConfig, containerdConfig } from './containerd-config.ts'
import { type ContainerdPaths, configFile, logFile, pidFile, runningPid } from './containerd-process.ts'

export interface ContainerdOptions extends ContainerdPaths {
  readonly cniConfDir: string
  /** Default `/usr/lib/cni`, or `/opt/cni/bin` where that exists. */
  readonly cniBinDir?: string
  readonly sandboxImage: string
  /** Directory of `<registry>/hosts.toml` files. */
  readonly configPath: string
  readonly clock: Clock
  /** Program to run. Default `containerd`, looked for in PATH. */
  readonly binary?: string
  /** Runs containerd in the network namespace at this path. */
  readonly networkNamespace?: string
  /** Milliseconds until it must answer. Default 30 s. */
  readonly timeout?: number
}

export interface Containerd {
  readonly pid: number
  readonly socket: string
  readonly snapshotter: 'overlayfs' | 'native'
  /** It ran already. */
  readonly adopted: boolean
}

/**
 * Guarantees
 * - One that runs with the same configuration is adopted; one that runs with another is replaced. Containers survive both.
 * - The process is the leader of its own session: nothing that ends us ends it.
 */
export function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  return stayingAwake(() => start(options))
}

/** Starts it again whenever it has died, until `signal` aborts; containers do not notice. */
export async function keepContainerd(
  options: ContainerdOptions,
  { signal, onError }: { signal: AbortSignal; onError: (error: unknown) => void },
): Promise<void> {
  while (!signal.aborted) {
    await sleep(options.clock, 1000, signal).catch(() => {})
    if (signal.aborted || runningPid(options) !== undefined) continue
    onError(new Error('containerd is gone; starting it again'))
    await start(options).catch(onError)
  }
}

async function start(options: ContainerdOptions): Promise<Containerd> {
  const { clock, socket, timeout = 30_000 } = options
  if (Buffer.byteLength(socket) > longestSocket) {
    throw new Error(`containerd's socket path is longer than ${longestSocket} bytes: ${socket}`)
  }
  for (const directory of [options.root, options.state, dirname(socket), options.cniConfDir, options.configPath]) {
    mkdirSync(directory, { recursive: true, mode: 0o711 })
  }
  const snapshotter = knownSnapshotter(options) ?? (overlayWorks(options.root) ? 'overlayfs' : 'native')
  const text = containerdConfig(configOf(options, snapshotter))
  const running = await findContainerd(options, clock)
  if (running !== undefined && readText(configFile(options)) === text) {
    return { pid: running, socket, snapshotter, adopted: true }
  }
  await stopContainerd(options, clock)
  writeFileSync(configFile(options), text, { mode: 0o600 })
  const pid = launch(options)
  writeFileSync(pidFile(options), `${pid}\n`)
  await answers(options, { pid, clock, timeout })
  return { pid, socket, snapshotter, adopted: false }
}

/** The process id of a running containerd of these paths, if it also answers on its socket. */
export async function findContainerd(paths: ContainerdPaths, clock: Clock): Promise<number | undefined> {
  const pid = runningPid(paths)
  if (pid === undefined) return undefined
  try {
    const runtime = await connectContainerd({ socket: paths.socket, clock, timeout: 3000 })
    await runtime.close()
    return pid
  } catch {
    return undefined
  }
}

/** Ends the daemon; containers go on. Resolves when the process is gone. */
export function stopContainerd(paths: ContainerdPaths, clock: Clock): Promise<void> {
  return stayingAwake(() => stop(paths, clock))
}

async function stop(paths: ContainerdPaths, clock: Clock): Promise<void> {
  const pid = runningPid(paths)
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM')
    const deadline = clock.monotonic() + 10_000
    while (runningPid(paths) !== undefined) {
      if (clock.monotonic() > deadline) process.kill(pid, 'SIGKILL')
      await sleep(clock, 20)
    }
  }
  rmSync(pidFile(paths), { force: true })
}

/** A Clock's timers keep no process alive, so a command that only waits for a daemon would end in the middle of it. */
export async function stayingAwake<T>(work: () => Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, 2 ** 30)
  try {
    return await work()
  } finally {
    clearInterval(hold)
  }
}

/** Imports an OCI or docker archive so that CRI sees its images. */
export function importImages(containerd: Pick<Containerd, 'socket' | 'snapshotter'>, archive: string): void {
  const where = ['--address', containerd.socket, '--namespace', 'k8s.io']
  const { status, stderr, error } = spawnSync(
    'ctr',
    [...where, 'images', 'import', '--snapshotter', containerd.snapshotter, archive],
    { encoding: 'utf8', env: { PATH: searchPath() } },
  )
  if (status !== 0) throw new Error(`importing ${archive} failed: ${(stderr ?? error?.message ?? '').trim()}`, { cause: error })
}

/** `sun_path` less its terminating zero; containerd appends `.ttrpc` to make a second one. */
const longestSocket = 107 - '.ttrpc'.length

function configOf(options: ContainerdOptions, snapshotter: ContainerdConfig['snapshotter']): ContainerdConfig {
  const { root, state, socket, cniConfDir, sandboxImage, configPath } = options
  const cniBinDir = options.cniBinDir ?? (existsSync('/usr/lib/cni/bridge') ? '/usr/lib/cni' : '/opt/cni/bin')
  const restrictOomScoreAdj = !hasCapability(sysResource)
  return { root, state, socket, cniConfDir, cniBinDir, sandboxImage, configPath, snapshotter, restrictOomScoreAdj }
}

function launch(options: ContainerdOptions): number {
  if ((statSync(logFile(options), { throwIfNoEntry: false })?.size ?? 0) > longestLog) {
    renameSync(logFile(options), `${logFile(options)}.1`)
  }
  const log = openSync(logFile(options), 'a', 0o600)
  const command = [options.binary ?? 'containerd', '--config', configFile(options)]
  const { networkNamespace } = options
  const [program = '', ...args] = networkNamespace ? ['nsenter', `--net=${networkNamespace}`, ...command] : command
  try {
    const child = spawn(program, args, {
      detached: true,
      cwd: '/',
      stdio: ['ignore', log, log],
      env: { ...proxies(), PATH: searchPath() },
    })
    child.on('error', () => {})
    if (child.pid === undefined) throw new Error(`cannot start ${program}: is containerd installed?`)
    child.unref()
    return child.pid
  } finally {
    closeSync(log)
  }
}

const longestLog = 10 * 1024 * 1024

/** Pulls go through the machine's proxy, if it has one; Go leaves it out for loopback. */
function proxies(): Record<string, string> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()])
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
}

function searchPath(): string {
  return `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`
}

interface Waiting {
  readonly pid: number
  readonly clock: Clock
  readonly timeout: number
}

async function answers(options: ContainerdOptions, { pid, clock, timeout }: Waiting): Promise<void> {
  const deadline = clock.monotonic() + timeout
  for (;;) {
    if (existsSync(options.socket)) {
      try {
        const runtime = await connectContainerd({ socket: options.socket, clock, timeout: 500 })
        await runtime.close()
        return
      } catch {}
    }
    const gone = !existsSync(`/proc/${pid}`) || /^State:\s+[ZX]/m.test(readText(`/proc/${pid}/status`))
    if (gone || clock.monotonic() > deadline) {
      const what = gone ? 'ended at once' : `does not answer after ${timeout / 1000} s`
      await stopContainerd(options, clock)
      throw new Error(`containerd ${what}; the end of ${logFile(options)}:\n${tail(logFile(options))}`)
    }
    await sleep(clock, 5)
  }
}

function tail(file: string): string {
  return readText(file).trimEnd().split('\n').slice(-10).join('\n')
}

/** As it was found out by the first start: the images lie there. */
function knownSnapshotter(paths: ContainerdPaths): ContainerdConfig['snapshotter'] | undefined {
  const found = /^ +snapshotter = "(overlayfs|native)"$/m.exec(readText(configFile(paths)))?.[1]
  return found as ContainerdConfig['snapshotter'] | undefined
}

/** Whether this filesystem can hold overlays; not when it is one itself. */
function overlayWorks(root: string): boolean {
  const probe = mkdtempSync(join(root, '.overlay-'))
  try {
    const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(probe, name)) as [
      string,
      string,
      string,
      string,
    ]
    for (const directory of [lower, upper, work, merged]) mkdirSync(directory)
    const how = `lowerdir=${lower},upperdir=${upper},workdir=${work}`
    if (spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', how, merged]).status !== 0) return false
    return spawnSync('umount', [merged]).status === 0
  } finally {
    rmSync(probe, { recursive: true, force: true })
  }
}

/** Bit of CAP_SYS_RESOURCE, capability.h. */
const sysResource = 24n

function hasCapability(bit: bigint): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)/m.exec(readText('/proc/self/status'))?.[1] ?? '0'
  return ((BigInt(`0x${mask}`) >> bit) & 1n) === 1n
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
