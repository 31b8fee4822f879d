/** Keeps the logs of running containers small: 10 Mi a file, five files, all but the newest rotated one compressed. */
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type Clock, sleep } from '#lib/clock.ts'
import type { Runtime } from '../cri/runtime.ts'

export interface LogRotationOptions {
  readonly runtime: Runtime
  readonly clock: Clock
  /** Bytes. Default 10 Mi. */
  readonly maxSize?: number
  /** With the one that is written. Default 5. */
  readonly maxFiles?: number
  readonly onError?: (error: unknown) => void
}

/** Looks at all containers every ten seconds until the signal. */
export async function rotateLogs(options: LogRotationOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await rotateAll(options).catch((error) => options.onError?.(error))
    await sleep(options.clock, 10_000, signal).catch(() => {})
  }
}

export async function rotateAll(options: LogRotationOptions): Promise<void> {
  const { runtime, maxSize = 10 * 1024 * 1024, onError } = options
  for (const { id, state } of await runtime.listContainers()) {
    if (state !== 'running') continue
    try {
      const path = (await runtime.containerStatus(id))?.logPath
      const size = path ? (await stat(path).catch(() => undefined))?.size : undefined
      if (path && size !== undefined && size >= maxSize) await rotate(path, id, options)
    } catch (error) {
      onError?.(error)
    }
  }
}

async function rotate(path: string, id: string, { runtime, clock, maxFiles = 5 }: LogRotationOptions): Promise<void> {
  const rotated = await rotatedFiles(path)
  // The present file becomes a rotated one, and the runtime opens a new one.
  const kept = rotated.slice(Math.max(0, rotated.length - (maxFiles - 2)))
  for (const file of rotated) if (!kept.includes(file)) await rm(file, { force: true })
  for (const file of kept) if (!file.endsWith('.gz')) await compress(file)
  const name = `${path}.${stamp(clock.now())}`
  await rename(path, name)
  try {
    await runtime.reopenContainerLog(id)
  } catch (error) {
    await rename(name, path)
    throw error
  }
}

/** Oldest first: their names end in their time. Unfinished compressions are removed. */
async function rotatedFiles(path: string): Promise<string[]> {
  const directory = dirname(path)
  const prefix = `${basename(path)}.`
  const names = (await readdir(directory)).filter((name) => name.startsWith(prefix))
  const finished = names.filter((name) => !name.endsWith('.tmp'))
  for (const name of names) if (name.endsWith('.tmp')) await rm(join(directory, name), { force: true })
  return finished.toSorted().map((name) => join(directory, name))
}

async function compress(file: string): Promise<void> {
  await pipeline(createReadStream(file), createGzip(), createWriteStream(`${file}.tmp`, { mode: 0o640 }))
  await rename(`${file}.tmp`, `${file}.gz`)
  await rm(file)
}

/** `20060102-150405`. */
function stamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')
}
