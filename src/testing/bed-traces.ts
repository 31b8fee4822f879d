/** What a cluster leaves on a machine while it runs, and the assertion that nothing of that is there any more. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { dataDirectory } from '#cluster/data-directory.ts'

export interface Traces {
  readonly data: string
  readonly run: string
  /** Of containers and sandboxes; they name control groups and records that lie outside our directories. */
  readonly containers: readonly string[]
}

/** To be taken while the cluster still runs. */
export function traces(data: string): Traces {
  const { run, containerd } = dataDirectory(data)
  return { data, run, containers: entries(join(containerd.state, 'io.containerd.runtime.v2.task/k8s.io')) }
}

export function assertNothingLeft({ name, home, before }: { name: string; home: string; before: Traces }): void {
  const left = {
    files: [before.data, before.run].filter((path) => existsSync(path)),
    processes: pidsNaming([before.data, before.run]).map(wordsOf),
    mounts: mountsBelow([before.data, before.run]),
    controlGroups: controlGroupsOf(before),
    containerRecords: entries('/var/lib/cni/results').filter((file) => before.containers.some((id) => file.includes(id))),
    rules: inside(name, 'nft', ['list', 'tables']),
    interfaces: inside(name, 'ip', ['-o', 'link'])
      .split('\n')
      .filter((line) => line && !/^\d+: lo:/.test(line)),
    contexts: /^- context:|name: nami$/m.test(read(join(home, '.kube/config'))) ? ['nami'] : [],
  }
  const nothing = Object.fromEntries(Object.keys(left).map((key) => [key, key === 'rules' ? '' : []]))
  assert.deepEqual(left, nothing, 'down --delete leaves nothing')
}

export function pidsNaming(paths: readonly string[]): number[] {
  return entries('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .filter((pid) => paths.some((path) => wordsOf(pid).includes(`${path} `) || wordsOf(pid).includes(`${path}/`)))
    .map(Number)
}

function wordsOf(pid: string | number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
}

export function mountsBelow(paths: readonly string[]): string[] {
  const points = read('/proc/self/mountinfo')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
  return points.filter((point) => paths.some((path) => point.startsWith(path)))
}

/** The cluster's own, in every hierarchy, and those that runc named after a container. */
export function controlGroupsOf({ run, containers }: Traces): string[] {
  const names = new Set([basename(run), ...containers])
  return globSync('/sys/fs/cgroup/{*,*/*,*/*/*}').filter((path) => names.has(basename(path)))
}

function inside(name: string, program: string, args: readonly string[]): string {
  const words = [`--net=/run/netns/${name}`, program, ...args]
  const { stdout, stderr, status } = spawnSync('nsenter', words, { encoding: 'utf8' })
  return status === 0 ? stdout : stderr
}

function entries(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
