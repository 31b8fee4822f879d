/** Processes of ours, found by the pid files that they write and by their command line, so that a reused pid is never taken for ours. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, sleep } from '#lib/clock.ts'
import type { DataDirectory } from './data-directory.ts'

export type ProcessName = 'supervisor' | 'server' | 'agent'

function pidFile(directory: DataDirectory, name: ProcessName): string {
  return join(directory.run, `${name}.pid`)
}

/** Called by the process itself, and by who starts the supervisor. */
export function announce(directory: DataDirectory, name: ProcessName, pid = process.pid): void {
  writeFileSync(pidFile(directory, name), `${pid}\n`)
}

/** The pid, if the process runs and names this data directory in its command line. */
export function findProcess(directory: DataDirectory, name: ProcessName): number | undefined {
  const pid = Number(readText(pidFile(directory, name)))
  if (!Number.isInteger(pid) || pid <= 1) return undefined
  const words = readText(`/proc/${pid}/cmdline`).split('\0')
  if (!words.includes(directory.path) || /^State:\s+[ZX]/m.test(readText(`/proc/${pid}/status`))) return undefined
  return pid
}

/** Asks the process to end, kills it after `grace` milliseconds, and resolves when it is gone. */
export async function stopProcess(
  directory: DataDirectory,
  name: ProcessName,
  { clock, grace = 15_000 }: { clock: Clock; grace?: number },
): Promise<boolean> {
  const pid = findProcess(directory, name)
  if (pid === undefined) {
    rmSync(pidFile(directory, name), { force: true })
    return false
  }
  const deadline = clock.monotonic() + grace
  signal(pid, 'SIGTERM')
  while (findProcess(directory, name) === pid) {
    if (clock.monotonic() > deadline) signal(pid, 'SIGKILL')
    await waitReferenced(clock, 20)
  }
  rmSync(pidFile(directory, name), { force: true })
  return true
}

/** Timers keep no process alive; a command that waits for nothing else must be. */
export async function waitReferenced(clock: Clock, milliseconds: number, abort?: AbortSignal): Promise<void> {
  const held = setInterval(() => {}, 1 << 30)
  try {
    await sleep(clock, milliseconds, abort)
  } finally {
    clearInterval(held)
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
