/** What `down --delete` does to our containerd: no process, mount, namespace, cgroup or file of it stays behind. */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readdirSync, readFileSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { connectContainerd } from '#kubelet/cri/containerd.ts'
import { type Clock, sleep } from '#lib/clock.ts'
import { stayingAwake, stopContainerd } from './containerd.ts'
import { type ContainerdPaths, runningPid } from './containerd-process.ts'

export interface DeleteOptions {
  readonly clock: Clock
  /** Further cgroups below each hierarchy that belong to this node, such as `/kubepods`. */
  readonly cgroups?: readonly string[]
}

/**
 * Guarantees: touches only what belongs to these paths; may be repeated. While containerd runs, sandboxes are stopped through
 * it, so that the CNI plugins free addresses and host ports; what is left is swept by hand.
 */
export function deleteContainerd(paths: ContainerdPaths, options: DeleteOptions): Promise<void> {
  for (const path of [paths.root, paths.state]) {
    if (shared.has(path)) throw new Error(`${path} is not ours to delete`)
  }
  return stayingAwake(() => sweep(paths, options))
}

/** Ends what runs in containers without asking containerd, which is gone; its records stay. */
export async function killContainers(paths: ContainerdPaths, { clock, cgroups = [] }: DeleteOptions): Promise<void> {
  const ours = controlGroups(paths, cgroups)
  await stayingAwake(() => killAll(() => [...processesIn(ours), ...shims(paths)], clock))
}

/** Where the system's containerd lives. */
const shared = new Set(['/', '/run', '/var', '/var/lib', '/tmp', '/var/lib/containerd', '/run/containerd'])

async function sweep(paths: ContainerdPaths, { clock, cgroups = [] }: DeleteOptions): Promise<void> {
  const ids = containerIds(paths)
  if (runningPid(paths) !== undefined) await removeSandboxes(paths, clock).catch(() => {})
  await stopContainerd(paths, clock)
  const sockets = shimSockets(paths)
  const ours = controlGroups(paths, cgroups)
  await killAll(() => [...processesIn(ours), ...shims(paths)], clock)
  unmountBelow([paths.root, paths.state])
  for (const cgroup of ours) removeCgroup(cgroup)
  for (const socket of sockets) rmSync(socket, { force: true })
  for (const directory of [...inHierarchies('/k8s.io'), '/run/containerd/s', '/run/containerd']) removeIfEmpty(directory)
  sweepCni(ids)
  for (const path of [paths.root, paths.state, paths.socket, `${paths.socket}.ttrpc`]) {
    rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  }
}

function controlGroups(paths: ContainerdPaths, cgroups: readonly string[]): string[] {
  const named = cgroups.filter((path) => path.split('/').some(Boolean))
  return [...findCgroups(containerIds(paths)), ...named.flatMap(inHierarchies)]
}

async function removeSandboxes({ socket }: ContainerdPaths, clock: Clock): Promise<void> {
  const runtime = await connectContainerd({ socket, clock, timeout: 3000 })
  try {
    const sandboxes = await runtime.listPodSandboxes()
    const containers = await runtime.listContainers()
    await Promise.allSettled(containers.map(({ id }) => runtime.stopContainer(id, 0)))
    await Promise.allSettled(
      sandboxes.map(async ({ id }) => {
        await runtime.stopPodSandbox(id)
        await runtime.removePodSandbox(id)
      }),
    )
  } finally {
    await runtime.close()
  }
}

/** Sandboxes and containers that this containerd has or had. */
function containerIds({ root, state }: ContainerdPaths): Set<string> {
  const places = [
    `${root}/io.containerd.grpc.v1.cri/sandboxes`,
    `${root}/io.containerd.grpc.v1.cri/containers`,
    `${state}/io.containerd.runtime.v2.task/k8s.io`,
  ]
  return new Set(places.flatMap(list))
}

/** Shims listen outside our directories, in a place that all containerds share. */
function shimSockets({ state }: ContainerdPaths): string[] {
  return globSync(`${state}/io.containerd.runtime.v2.task/*/*/address`)
    .map((file) => /^unix:\/\/(\/run\/containerd\/s\/[0-9a-f]+)$/.exec(read(file).trim())?.[1])
    .filter((socket) => socket !== undefined)
}

function shims({ socket }: ContainerdPaths): number[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const words = read(`/proc/${pid}/cmdline`).split('\0')
      return basename(words[0] ?? '').startsWith('containerd-shim') && words[words.indexOf('-address') + 1] === socket
    })
    .map(Number)
}

function hierarchies(): string[] {
  const mounts = read('/proc/self/mountinfo').split('\n')
  return mounts.filter((line) => / - cgroup2? /.test(line)).map((line) => line.split(' ')[4] ?? '')
}

function inHierarchies(path: string): string[] {
  return hierarchies()
    .map((hierarchy) => join(hierarchy, path))
    .filter((directory) => existsSync(directory))
}

/** CRI names a container's cgroup by its id, wherever its parent is. */
function findCgroups(ids: ReadonlySet<string>): string[] {
  if (ids.size === 0) return []
  const found: string[] = []
  const visit = (directory: string, depth: number) => {
    for (const name of directories(directory)) {
      if (ids.has(name)) found.push(join(directory, name))
      else if (depth < 8) visit(join(directory, name), depth + 1)
    }
  }
  for (const hierarchy of hierarchies()) visit(hierarchy, 0)
  return found
}

function processesIn(cgroups: readonly string[]): number[] {
  const files = cgroups.flatMap((cgroup) => [`${cgroup}/cgroup.procs`, ...globSync(`${cgroup}/**/cgroup.procs`)])
  return [...new Set(files.flatMap((file) => read(file).split('\n').filter(Boolean).map(Number)))]
}

/** Kills until none is left, at most for five seconds. */
async function killAll(find: () => number[], clock: Clock): Promise<void> {
  for (let round = 0; round < 100; round++) {
    const pids = find().filter((pid) => pid > 1 && pid !== process.pid)
    if (pids.length === 0) return
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {}
    }
    await sleep(clock, 50)
  }
}

/** Deepest first; a mount that is busy is detached. Mountinfo writes a space as \040. */
function unmountBelow(roots: readonly string[]): void {
  const mounted = read('/proc/self/mountinfo')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))))
    .filter((point) => roots.some((root) => point.startsWith(`${root}/`)))
    .toSorted((a, b) => b.length - a.length)
  for (const point of mounted) {
    if (spawnSync('umount', [point]).status !== 0) spawnSync('umount', ['-l', point])
  }
}

/** A cgroup is removed leaf first; one that still holds a process stays. */
function removeCgroup(directory: string): void {
  for (const name of directories(directory)) removeCgroup(join(directory, name))
  removeIfEmpty(directory)
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {}
}

/** Cached results and addresses that the CNI library keeps outside our directories. */
function sweepCni(ids: ReadonlySet<string>): void {
  for (const name of list('/var/lib/cni/results')) {
    if ([...ids].some((id) => name.includes(id))) rmSync(join('/var/lib/cni/results', name), { force: true })
  }
  for (const file of globSync('/var/lib/cni/networks/*/*')) {
    const [id = ''] = read(file).split(/\r?\n/)
    if (ids.has(id)) unlinkSync(file)
  }
}

function directories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  } catch {
    return []
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
