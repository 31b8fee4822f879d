/** Reads a container's log file for `kubectl logs`: tail, since, limit, follow through rotations (upstream `kuberuntime/logs`). */
import { watch } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '#lib/clock.ts'
import { fixedTimestamp, parseLogLine } from './log-line.ts'

export interface LogOptions {
  readonly follow?: boolean
  readonly timestamps?: boolean
  /** Lines of the file; a line that the runtime had to break counts as several, as upstream. */
  readonly tailLines?: number
  readonly limitBytes?: number
  /** Milliseconds since the epoch; older lines are left out. */
  readonly since?: number
  readonly stream?: 'stdout' | 'stderr'
}

export interface LogReading {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Takes what is read; reading goes on when it resolves. */
  readonly write: (chunk: Buffer) => Promise<void> | void
  /** Whether more can come. Asked only when following and at the file's end. */
  readonly isRunning: () => Promise<boolean>
}

/** Resolves at the end of the file, or, when following, when the container has ended and all is read. */
export async function readLogs(path: string, options: LogOptions, reading: LogReading): Promise<void> {
  const output = new Output(options, reading)
  let file = await open(path)
  try {
    let position = await tailStart(file, options.tailLines)
    const changes = options.follow ? watchFile(path, reading) : undefined
    try {
      for (let last = false; ; ) {
        position = await readOn(file, position, { output, unfinished: last || !options.follow })
        if (output.isFull || !changes || last || reading.signal.aborted) return
        if (await isReplaced(file, path)) {
          const next = await open(path).catch(() => undefined)
          if (next) {
            // What was written between the last read and the rotation is still in the old file.
            await readOn(file, position, { output, unfinished: true })
            await file.close()
            file = next
            position = 0
            continue
          }
        }
        if ((await file.stat()).size > position + output.pending) continue
        if (await reading.isRunning()) await changes.next()
        else last = true
      }
    } finally {
      changes?.close()
    }
  } finally {
    await file.close()
  }
}

/** Turns lines into what the caller wants to see. */
class Output {
  readonly #options: LogOptions
  readonly #reading: LogReading
  #left: number
  #atLineStart = true
  /** Bytes of an unfinished line at the file's end. */
  pending = 0

  constructor(options: LogOptions, reading: LogReading) {
    this.#options = options
    this.#reading = reading
    this.#left = options.limitBytes ?? Number.POSITIVE_INFINITY
  }

  get isFull(): boolean {
    return this.#left <= 0
  }

  async write(lines: readonly Buffer[]): Promise<void> {
    const parts: Buffer[] = []
    for (const raw of lines) {
      if (this.isFull) break
      for (const part of this.#render(raw)) {
        const kept = part.subarray(0, Math.min(part.length, this.#left))
        this.#left -= kept.length
        parts.push(kept)
      }
    }
    if (parts.length > 0 && !this.#reading.signal.aborted) await this.#reading.write(Buffer.concat(parts))
  }

  #render(raw: Buffer): Buffer[] {
    const { since, stream, timestamps } = this.#options
    const line = tryParse(raw)
    if (!line) return []
    if (stream && line.stream !== stream) return []
    if (since !== undefined && Date.parse(line.timestamp) < since) return []
    const prefix = timestamps && this.#atLineStart ? [Buffer.from(`${fixedTimestamp(line.timestamp)} `)] : []
    this.#atLineStart = !line.partial
    return [...prefix, line.text]
  }
}

/** Lines that are no log lines are left out, as upstream does. */
function tryParse(raw: Buffer) {
  try {
    return parseLogLine(raw)
  } catch {
    return undefined
  }
}

const chunkSize = 64 * 1024
const newline = 0x0a

interface ReadOn {
  readonly output: Output
  /** Also take an unterminated last line. */
  readonly unfinished: boolean
}

/** Reads to the present end and answers where the first unread line begins. */
async function readOn(file: FileHandle, start: number, { output, unfinished }: ReadOn): Promise<number> {
  let position = start
  let rest: Buffer = Buffer.alloc(0)
  while (!output.isFull) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkSize), 0, chunkSize, position + rest.length)
    if (bytesRead === 0) break
    const data = rest.length > 0 ? Buffer.concat([rest, buffer.subarray(0, bytesRead)]) : buffer.subarray(0, bytesRead)
    const { lines, taken } = splitLines(data)
    await output.write(lines)
    position += taken
    rest = Buffer.from(data.subarray(taken))
  }
  output.pending = rest.length
  if (rest.length === 0 || !unfinished || output.isFull) return position
  await output.write([rest])
  output.pending = 0
  return position + rest.length
}

function splitLines(data: Buffer): { lines: Buffer[]; taken: number } {
  const lines: Buffer[] = []
  let taken = 0
  for (let end = data.indexOf(newline); end >= 0; end = data.indexOf(newline, taken)) {
    lines.push(data.subarray(taken, end + 1))
    taken = end + 1
  }
  return { lines, taken }
}

/** Where the last `lines` lines begin. */
async function tailStart(file: FileHandle, lines: number | undefined): Promise<number> {
  if (lines === undefined) return 0
  const { size } = await file.stat()
  if (lines === 0) return size
  let missing = lines
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunkSize)
    const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start)
    // The newline that ends the file ends its last line and begins none.
    for (let at = buffer.length - (end === size ? 2 : 1); at >= 0; at--) {
      if (buffer[at] === newline && --missing === 0) return start + at + 1
    }
    end = start
  }
  return 0
}

/** A rotation renames the file and the runtime makes a new one of the same name. */
async function isReplaced(file: FileHandle, path: string): Promise<boolean> {
  const [ours, named] = await Promise.all([file.stat(), stat(path).catch(() => undefined)])
  return named !== undefined && (named.ino !== ours.ino || named.dev !== ours.dev)
}

interface Changes {
  /** Resolves when the file may have changed, after a second at the latest, and at the signal. */
  next(): Promise<void>
  close(): void
}

/** inotify where it can be had; a look every second in any case. */
function watchFile(path: string, { clock, signal }: LogReading): Changes {
  let changed = false
  let wake: (() => void) | undefined
  const notice = () => {
    changed = true
    wake?.()
  }
  const watcher = tryWatch(dirname(path), notice)
  signal.addEventListener('abort', notice, { once: true })
  return {
    async next() {
      if (!changed) {
        const timer = clock.after(1000, notice)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        timer.cancel()
      }
      changed = signal.aborted
      wake = undefined
    },
    close() {
      watcher?.close()
      signal.removeEventListener('abort', notice)
    },
  }
}

function tryWatch(directory: string, notice: () => void): { close(): void } | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, notice)
    watcher.on('error', () => {})
    return watcher
  } catch {
    return undefined
  }
}
