/** Where a containerd of ours keeps its things, and whether it runs: what can be said without talking to it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where a containerd of ours keeps its things. Several may live on one machine, each with paths of its own. */
export interface ContainerdPaths {
  readonly root: string
  readonly state: string
  readonly socket: string
}

export function configFile({ root }: ContainerdPaths): string {
  return join(root, 'config.toml')
}

export function logFile({ root }: ContainerdPaths): string {
  return join(root, 'containerd.log')
}

export function pidFile({ state }: ContainerdPaths): string {
  return join(state, 'containerd.pid')
}

/** Holds only while the process is ours: its command line names our configuration. */
export function runningPid(paths: ContainerdPaths): number | undefined {
  const pid = Number(readText(pidFile(paths)))
  if (!Number.isInteger(pid) || pid <= 1) return undefined
  const words = readText(`/proc/${pid}/cmdline`).split('\0')
  if (!words.includes(configFile(paths)) || /^State:\s+[ZX]/m.test(readText(`/proc/${pid}/status`))) return undefined
  return pid
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
