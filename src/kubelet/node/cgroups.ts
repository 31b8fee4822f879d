/** Control groups of pods: which version the machine has, where a pod's group stands, and its limits (upstream `kubelet/cm`). */
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, sleep } from '#lib/clock.ts'

export type Qos = 'Guaranteed' | 'Burstable' | 'BestEffort'

export interface CgroupLimits {
  /** 1024 shares are one CPU. */
  readonly cpuShares?: number
  /** Microseconds of CPU time in a period; -1: no limit. */
  readonly cpuQuota?: number
  readonly cpuPeriod?: number
  /** -1: no limit. */
  readonly memoryLimitBytes?: number
  /** -1: no limit. */
  readonly pids?: number
}

export interface Cgroups {
  readonly version: 1 | 2
  /** The top group of all pods, `/kubepods`. */
  readonly top: string
  /** CRI's `cgroup_parent` for a pod: `/kubepods/burstable/pod<uid>`. */
  podPath(uid: string, qos: Qos): string
  /** Makes the top group and those of the classes; `top` limits what all pods together may use. */
  prepare(top: CgroupLimits): Promise<void>
  /** Makes a group with its ancestors, and writes its limits; repeatable. */
  ensure(path: string, limits: CgroupLimits): Promise<void>
  /** Kills what runs in a group and removes it with all below; repeatable. */
  remove(path: string): Promise<void>
  /** Uids of pods that have a group, to find orphans after a restart. */
  listPods(): Promise<readonly string[]>
}

export interface CgroupOptions {
  readonly clock: Clock
  /** Set in front of `/kubepods`, where several nodes share a machine. Default ''. */
  readonly prefix?: string
  /** Text of `/proc/self/mountinfo`; default: read from there. */
  readonly mountinfo?: string
}

/** A machine with v1 and v2 mounted side by side counts as v1, as for runc: v2 has no controllers then. */
export async function openCgroups({ clock, prefix = '', mountinfo }: CgroupOptions): Promise<Cgroups> {
  const mounts = readMounts(mountinfo ?? (await readFile('/proc/self/mountinfo', 'utf8')))
  const driver = mounts.version === 2 ? v2(mounts.roots) : v1(mounts.roots)
  const top = `${prefix}/kubepods`
  return {
    version: mounts.version,
    top,
    podPath: (uid, qos) => `${top}${qos === 'Guaranteed' ? '' : `/${qos.toLowerCase()}`}/pod${uid}`,
    ensure: (path, limits) => ensure(driver, path, limits),
    async prepare(limits) {
      await ensure(driver, top, limits)
      await ensure(driver, `${top}/besteffort`, { cpuShares: 2 })
      await ensure(driver, `${top}/burstable`, { cpuShares: 2 })
    },
    async remove(path) {
      await Promise.all(driver.all.map((root) => removeTree(join(root, path), clock)))
    },
    async listPods() {
      const parents = driver.all.flatMap((root) => ['', '/besteffort', '/burstable'].map((tier) => join(root, top + tier)))
      const names = (await Promise.all(parents.map(directories))).flat()
      return [...new Set(names.filter((name) => name.startsWith('pod')).map((name) => name.slice('pod'.length)))]
    },
  }
}

/** Shares for CPU requests: 1024 a CPU, at least 2. */
export function toCpuShares(milliCpu: number): number {
  return Math.min(262_144, Math.max(2, Math.floor((milliCpu * 1024) / 1000)))
}

/**
 * v1 shares (2..262144, 1024 the default) to v2 weight (1..10000, 100 the default), so that the defaults meet. Source:
 * opencontainers/cgroups `ConvertCPUSharesToCgroupV2Value`.
 */
export function toCpuWeight(shares: number): number {
  if (shares === 0) return 0
  if (shares <= 2) return 1
  if (shares >= 262_144) return 10_000
  const log = Math.log2(shares)
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34))
}

interface Mounts {
  readonly version: 1 | 2
  /** Mount points by controller (v1), or '' for the one hierarchy. Named hierarchies by `name=...`. */
  readonly roots: ReadonlyMap<string, string>
}

export function readMounts(mountinfo: string): Mounts {
  const roots = new Map<string, string>()
  let unified: string | undefined
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ')
    const [type, , superOptions = ''] = right.split(' ')
    const point = left.split(' ')[4] ?? ''
    if (type === 'cgroup2') unified ??= point
    if (type !== 'cgroup') continue
    for (const option of superOptions.split(',')) {
      if (controllers.has(option) || option.startsWith('name=')) roots.set(option, point)
    }
  }
  if (roots.has('memory') || roots.has('cpu') || !unified) {
    // runc makes groups in the empty hierarchy too: they want to be removed.
    if (unified) roots.set('unified', unified)
    return { version: 1, roots }
  }
  return { version: 2, roots: new Map([['', unified]]) }
}

/** Whether any control groups are mounted, by the text of /proc/self/mountinfo: without them no container starts. */
export function hasControlGroups(mountinfo: string): boolean {
  return [...readMounts(mountinfo).roots.values()].some((root) => root !== undefined)
}

const controllers = new Set(
  'cpu cpuacct cpuset memory devices freezer blkio pids hugetlb net_cls net_prio perf_event rdma misc'.split(' '),
)

interface Driver {
  /** Every hierarchy's root. */
  readonly all: readonly string[]
  /** Makes one directory below each root whose controllers the agent sets. */
  make(path: string): Promise<void>
  write(path: string, limits: CgroupLimits): Promise<void>
}

async function ensure(driver: Driver, path: string, limits: CgroupLimits): Promise<void> {
  const parts = path.split('/').filter(Boolean)
  for (let depth = 1; depth <= parts.length; depth++) await driver.make(`/${parts.slice(0, depth).join('/')}`)
  await driver.write(path, limits)
}

/** runc makes the other controllers' groups when it needs them. */
function v1(roots: ReadonlyMap<string, string>): Driver {
  const set = ['cpu', 'memory', 'pids'].flatMap((name) => roots.get(name) ?? [])
  const put = async (controller: string, path: string, file: string, value: number | undefined) => {
    const root = roots.get(controller)
    if (root !== undefined && value !== undefined) await writeFile(join(root, path, file), `${value}`)
  }
  return {
    all: [...new Set(roots.values())],
    async make(path) {
      for (const root of set) await mkdir(join(root, path), { recursive: true })
    },
    async write(path, limits) {
      await put('cpu', path, 'cpu.shares', limits.cpuShares)
      await put('cpu', path, 'cpu.cfs_period_us', limits.cpuPeriod)
      await put('cpu', path, 'cpu.cfs_quota_us', limits.cpuQuota)
      await put('memory', path, 'memory.limit_in_bytes', limits.memoryLimitBytes)
      if (limits.pids !== undefined && roots.has('pids')) {
        await writeFile(join(roots.get('pids')!, path, 'pids.max'), limits.pids < 0 ? 'max' : `${limits.pids}`)
      }
    },
  }
}

function v2(roots: ReadonlyMap<string, string>): Driver {
  const root = roots.get('')!
  const max = (value: number) => (value < 0 ? 'max' : `${value}`)
  return {
    all: [root],
    async make(path) {
      await delegate(join(root, path, '..'))
      await mkdir(join(root, path), { recursive: true })
    },
    async write(path, { cpuShares, cpuQuota, cpuPeriod = 100_000, memoryLimitBytes, pids }) {
      const put = (file: string, text: string) => writeFile(join(root, path, file), text)
      if (cpuShares !== undefined) await put('cpu.weight', `${toCpuWeight(cpuShares)}`)
      if (cpuQuota !== undefined) await put('cpu.max', `${max(cpuQuota)} ${cpuPeriod}`)
      if (memoryLimitBytes !== undefined) await put('memory.max', max(memoryLimitBytes))
      if (pids !== undefined) await put('pids.max', max(pids))
    },
  }
}

/** A v2 group's children have only the controllers that it hands down; those that the machine lacks are left out. */
async function delegate(directory: string): Promise<void> {
  const read = (file: string) => readFile(join(directory, file), 'utf8').catch(() => '')
  const available = (await read('cgroup.controllers')).trim().split(' ')
  const given = (await read('cgroup.subtree_control')).trim().split(' ')
  for (const name of ['cpu', 'cpuset', 'memory', 'pids', 'io', 'hugetlb']) {
    if (!available.includes(name) || given.includes(name)) continue
    await writeFile(join(directory, 'cgroup.subtree_control'), `+${name}`).catch(() => {})
  }
}

/** Leaf first. A group whose processes are still dying is busy for a moment. */
async function removeTree(directory: string, clock: Clock): Promise<void> {
  for (const name of await directories(directory)) await removeTree(join(directory, name), clock)
  for (let attempt = 0; ; attempt++) {
    try {
      return await rmdir(directory)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return
      if (code !== 'EBUSY' || attempt === 20) throw error
    }
    await killAll(directory)
    await sleep(clock, 50)
  }
}

async function killAll(directory: string): Promise<void> {
  const pids = (await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '')).split('\n').filter(Boolean)
  for (const pid of pids) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {}
  }
}

async function directories(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}
