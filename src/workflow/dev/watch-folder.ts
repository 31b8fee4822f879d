/** Watches an application's folder: answers which of its files have changed, in batches, without those that no image would hold. */
import { type FSWatcher, watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Ignored, readIgnored } from '#images/ignore.ts'
import type { Clock, Timer } from '#lib/clock.ts'
import { WorkflowError } from '../workflow-error.ts'

export interface WatchOptions {
  readonly directory: string
  /** Folders that are not looked into; of these only the named files count. */
  readonly apart: Readonly<Record<string, readonly string[]>>
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** Editors write in several steps; what comes within so many milliseconds belongs together. */
const settle = 8
const longest = 40

export interface FolderWatch {
  /** Relative paths, until the signal. */
  readonly changes: AsyncIterable<ReadonlySet<string>>
}

/** Resolves when all folders are watched: no later change is missed. */
export async function watchFolder({ directory, apart, clock, signal }: WatchOptions): Promise<FolderWatch> {
  const ignored = await readIgnored(directory)
  const watchers = new Map<string, FSWatcher>()
  const queue = batches(clock, signal)
  const isLeftOut = (path: string) => isApart(path, apart) || (ignored.has(path) && !ignored.hasExceptions)

  const add = async (folder: string, isNew: boolean): Promise<void> => {
    if (watchers.has(folder) || signal.aborted) return
    watchers.set(
      folder,
      open(join(directory, folder), (name) => void changed(folder, name)),
    )
    const entries = await readdir(join(directory, folder), { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      const path = folder ? `${folder}/${entry.name}` : entry.name
      if (isLeftOut(path)) continue
      if (entry.isDirectory()) await add(path, isNew)
      else if (isNew) queue.add(path)
    }
  }
  const changed = async (folder: string, name: string | null): Promise<void> => {
    const path = folder ? `${folder}/${name}` : `${name}`
    if (name === null || isLeftOut(path) || isIgnored(ignored, path)) return
    queue.add(path)
    await add(path, true).catch(() => {})
  }
  const open = (path: string, onChange: (name: string | null) => void): FSWatcher => {
    try {
      const watcher = watch(path, (_, name) => onChange(name))
      watcher.on('error', () => watcher.close())
      return watcher
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOSPC') throw error
      throw new WorkflowError('This machine watches as many files as it may.', {
        next: ['sysctl fs.inotify.max_user_watches=524288'],
        cause: error,
      })
    }
  }

  await add('', false)
  for (const [folder, names] of Object.entries(apart)) {
    try {
      const watcher = watch(join(directory, folder), (_, name) => {
        if (name !== null && names.includes(name)) queue.add(`${folder}/${name}`)
      })
      watchers.set(folder, watcher)
    } catch {}
  }
  signal.addEventListener('abort', () => {
    for (const watcher of watchers.values()) watcher.close()
  })
  return { changes: queue.changes }
}

function isApart(path: string, apart: WatchOptions['apart']): boolean {
  return Object.keys(apart).some((folder) => path === folder || path.startsWith(`${folder}/`))
}

function isIgnored(ignored: Ignored, path: string): boolean {
  return ignored.has(path)
}

function batches(clock: Clock, signal: AbortSignal) {
  let waiting = new Set<string>()
  let first = 0
  let timer: Timer | undefined
  let wake = () => {}
  const ready: ReadonlySet<string>[] = []
  const flush = () => {
    timer = undefined
    ready.push(waiting)
    waiting = new Set()
    wake()
  }
  signal.addEventListener('abort', () => wake())
  async function* changes(): AsyncGenerator<ReadonlySet<string>> {
    while (!signal.aborted) {
      const batch = ready.shift()
      if (batch) yield batch
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }
  return {
    changes: changes(),
    add(path: string) {
      if (waiting.size === 0) first = clock.monotonic()
      waiting.add(path)
      timer?.cancel()
      timer = clock.after(clock.monotonic() - first > longest ? 0 : settle, flush)
    },
  }
}
