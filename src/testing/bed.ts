/** A whole cluster of this checkout for tests, real from end to end: in a network namespace that leads nowhere, on files of its own. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dataDirectory } from '#cluster/data-directory.ts'
import { waitReferenced } from '#cluster/processes.ts'
import { systemClock } from '#lib/clock.ts'
import { type Background, type Ran, type RunOptions, run, start } from './bed-run.ts'
import { assertNothingLeft, traces } from './bed-traces.ts'
import { noContainerd } from './containerd.ts'

export interface BedOptions {
  /** Path of kubectl. */
  readonly kubectl: string
  /** Words after `up`. Default none: an empty cluster. */
  readonly up?: readonly string[]
  /** Default true; false leaves the bed without a cluster, to call `nami` oneself. */
  readonly started?: boolean
}

export interface Bed extends AsyncDisposable {
  /** Of the network namespace. */
  readonly name: string
  /** Everything of the bed on disk. */
  readonly directory: string
  readonly dataDir: string
  readonly kubeconfig: string
  readonly kubectlPath: string
  /** Socket of its containerd. */
  readonly containerd: string
  /** What `up` printed. */
  readonly up: Ran
  /** Runs a program inside the namespace, with HOME and KUBECONFIG of the bed. Does not throw when it fails. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Ran>
  /** Starts one that goes on; ended with the bed if not before. */
  start(program: string, args: readonly string[]): Background
  kubectl(...args: string[]): Promise<Ran>
  /** `nami COMMAND ...` of this checkout, on this bed's cluster. */
  nami(...args: string[]): Promise<Ran>
  /** The body of what answers there within twenty seconds; throws for everything else. */
  get(url: string): Promise<string>
  /** What its server and agent logged as errors so far. */
  errors(): string
}

/** Why beds cannot stand here; false when they can. As node:test takes it for `skip`. */
export function noBed(): string | false {
  if (process.platform !== 'linux') return 'needs Linux'
  const missing = noContainerd()
  if (missing) return missing
  return (
    ['nft', 'curl']
      .filter((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0)
      .map((p) => `needs ${p}`)[0] ?? false
  )
}

const prefix = 'nami-bed-'
const nami = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))
let count = 0

/**
 * Guarantees
 * - Nothing in the bed reaches anything outside of the machine, nor the machine's own network.
 * - Disposing deletes the cluster and fails when a process, mount, control group, rule, interface or file of it stayed.
 * - What a killed run left behind is taken away by the next one.
 */
export async function openBed({ kubectl, up = [], started = true }: BedOptions): Promise<Bed> {
  await sweepStaleBeds()
  const name = `${prefix}${process.pid}-${++count}`
  const place = placeOf(name)
  mkdirSync(place.home, { recursive: true })
  must('ip', ['netns', 'add', name])
  must('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  const backgrounds: Background[] = []
  const inside = { namespace: name, env: environment(place) }
  const runIn: Bed['run'] = (program, args, options = {}) =>
    run(program, args, { ...inside, ...options, env: { ...inside.env, ...options.env } })
  const runNami = (...args: string[]) => {
    // kubectl has its own flags, and finds the cluster in KUBECONFIG.
    const words = args[0] === 'kubectl' ? args : [...args, '--data-dir', place.data]
    return runIn(process.execPath, [nami, ...words], { timeout: 240_000 })
  }
  const dispose = async () => {
    for (const background of backgrounds) await background.stop()
    const before = traces(place.data)
    const down = existsSync(place.data) ? await runNami('down', '--delete') : undefined
    try {
      if (down && down.code !== 0) throw new Error(`down --delete failed: ${down.stderr}`)
      assertNothingLeft({ name, home: place.home, before })
    } finally {
      remove(name)
    }
  }
  try {
    const outcome = started ? await runNami('up', ...up) : { code: 0, stdout: '', stderr: '' }
    if (outcome.code !== 0) throw new Error(`up failed:\n${outcome.stdout}${outcome.stderr}\n${logsOf(place.data)}`)
    return {
      name,
      directory: place.directory,
      dataDir: place.data,
      kubeconfig: place.kubeconfig,
      kubectlPath: kubectl,
      containerd: dataDirectory(place.data).containerd.socket,
      up: outcome,
      run: runIn,
      start(program, args) {
        const background = start(program, args, inside)
        backgrounds.push(background)
        return background
      },
      kubectl: (...args) => runIn(kubectl, args),
      nami: runNami,
      async get(url) {
        const { code, stdout, stderr } = await runIn('curl', ['-sS', '--fail-with-body', '--max-time', '20', url])
        if (code !== 0) throw new Error(`${url}: ${stderr.trim()} ${stdout}`)
        return stdout
      },
      errors: () => errorsOf(place.data),
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose().catch(() => {})
    throw error
  }
}

/** Calls until it no longer throws, and answers what it answered then; after `timeout` milliseconds throws what it threw last. */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { timeout = 30_000, every = 100 }: { timeout?: number; every?: number } = {},
): Promise<T> {
  const deadline = systemClock.monotonic() + timeout
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (systemClock.monotonic() > deadline) throw error
    }
    await waitReferenced(systemClock, every)
  }
}

interface Place {
  readonly directory: string
  readonly data: string
  readonly home: string
  readonly kubeconfig: string
}

function placeOf(name: string): Place {
  const directory = join('/tmp', name)
  const home = join(directory, 'home')
  return { directory, data: join(directory, 'data'), home, kubeconfig: join(home, '.kube/config') }
}

/** Without the machine's proxies: there is nothing outside to be reached. */
function environment({ home, kubeconfig }: Place): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env
  return {
    PATH,
    HOME: home,
    KUBECONFIG: kubeconfig,
    NO_COLOR: '1',
    ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }),
  }
}

/** Those whose test process is gone. */
async function sweepStaleBeds(): Promise<void> {
  const names = new Set([...entries('/run/netns'), ...entries('/tmp')].filter((name) => name.startsWith(prefix)))
  for (const name of names) {
    const pid = /^nami-bed-(\d+)-\d+$/.exec(name)?.[1]
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue
    const place = placeOf(name)
    const where = existsSync(`/run/netns/${name}`) ? { namespace: name } : {}
    const down = [nami, 'down', '--delete', '--data-dir', place.data]
    if (existsSync(place.data)) await run(process.execPath, down, { ...where, env: environment(place), timeout: 120_000 })
    remove(name)
  }
}

function remove(name: string): void {
  if (existsSync(`/run/netns/${name}`)) {
    const { stdout } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' })
    for (const pid of stdout.split('\n').filter(Boolean)) kill(Number(pid))
    spawnSync('ip', ['netns', 'delete', name])
  }
  const { directory, data } = placeOf(name)
  rmSync(dataDirectory(data).run, { recursive: true, force: true })
  rmSync(directory, { recursive: true, force: true })
}

/** Lines of the two logs at level 50 and above, and what is no JSON at all. */
function errorsOf(data: string): string {
  const lines = ['server', 'agent'].flatMap((name) => read(join(data, 'logs', `${name}.log`)).split('\n'))
  return lines.filter((line) => line && !/^\{"level":[1-4]0,/.test(line)).join('\n')
}

function read(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

function logsOf(data: string): string {
  const files = ['server', 'agent', 'supervisor']
    .map((name) => join(data, 'logs', `${name}.log`))
    .filter((file) => existsSync(file))
  return files.map((file) => `${file}:\n${readFileSync(file, 'utf8').split('\n').slice(-15).join('\n')}`).join('\n')
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {}
}

function entries(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}

function must(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
}
