/** The files of a process, rebuilt from the writes that strace saw: as they were at any instant, and as a power cut would leave them. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Random } from '#lib/random.ts'

export type Traced =
  | { readonly type: 'write'; readonly file: string; readonly offset: number; readonly data: Buffer }
  | { readonly type: 'truncate'; readonly file: string; readonly size: number }
  | { readonly type: 'sync'; readonly file: string }
  | { readonly type: 'unlink'; readonly file: string }
  | { readonly type: 'out'; readonly line: string }

export const traceArguments = ['-f', '-y', '-xx', '-s', '10000000', '-e', 'trace=pwrite64,write,fsync,fdatasync,ftruncate,unlink']

/** What was written to standard output (`out`) and to files whose path begins with `prefix`, in order. */
export function parseTrace(path: string, prefix: string): Traced[] {
  const pending = new Map<string, string>()
  return readFileSync(path, 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [, pid = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
      if (text.endsWith('<unfinished ...>')) {
        pending.set(pid, text.slice(0, -'<unfinished ...>'.length))
        return []
      }
      const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)
      const call = resumed ? (pending.get(pid) ?? '') + resumed[1] : text
      return parseCall(call, prefix)
    })
}

function parseCall(call: string, prefix: string): Traced[] {
  const [, name, rest = ''] = /^(\w+)\((.*)$/.exec(call) ?? []
  if (/= -1 /.test(rest.slice(-80))) return []
  if (name === 'unlink') {
    const file = unquoted(rest)
    return file.startsWith(prefix) ? [{ type: 'unlink', file: basename(file) }] : []
  }
  const [, fd, where = '', after = ''] = /^(\d+)<([^>]*)>(.*)$/.exec(rest) ?? []
  const path = where.startsWith('\\x') ? Buffer.from(where.replaceAll('\\x', ''), 'hex').toString() : where
  if (name === 'write' && fd === '1') return [{ type: 'out', line: unquoted(after) }]
  if (!path.startsWith(prefix)) return []
  const file = basename(path)
  if (name === 'fsync' || name === 'fdatasync') return [{ type: 'sync', file }]
  if (name === 'ftruncate') return [{ type: 'truncate', file, size: Number(/, (\d+) *\)/.exec(after)?.[1]) }]
  if (name !== 'pwrite64') return []
  const offset = Number(/, \d+, (\d+) *\) +=/.exec(after.slice(-60))?.[1])
  return [{ type: 'write', file, offset, data: Buffer.from(unquoted(after), 'latin1') }]
}

/** The first string of a line of strace, all of whose characters are written in hexadecimal. */
function unquoted(text: string): string {
  const start = text.indexOf('"')
  const end = text.indexOf('"', start + 1)
  return Buffer.from(text.slice(start + 1, end).replaceAll('\\x', ''), 'hex').toString('latin1')
}

const sector = 512

/** Files as traced calls make them. */
export class TracedFiles {
  /** What the kernel holds. */
  #now = new Map<string, Buffer>()
  /** What the disk is sure to hold, and what was written since: each piece may or may not have got there. */
  #durable = new Map<string, Buffer>()
  #since = new Map<string, Traced[]>()

  apply(traced: Traced): void {
    if (traced.type === 'out') return
    const { file } = traced
    if (traced.type === 'sync') {
      this.#durable.set(file, Buffer.from(this.#now.get(file) ?? Buffer.alloc(0)))
      this.#since.delete(file)
      return
    }
    if (traced.type === 'unlink') {
      for (const files of [this.#now, this.#durable, this.#since]) files.delete(file)
      return
    }
    this.#now.set(file, changed(this.#now.get(file), traced))
    const since = this.#since.get(file)
    if (since) since.push(traced)
    else this.#since.set(file, [traced])
  }

  /** What a process that is killed leaves behind. */
  killed(): Map<string, Buffer> {
    return this.#now
  }

  /** What a power cut leaves: of everything not yet synced, any sectors. */
  cut(random: Random): Map<string, Buffer> {
    const keep = random.next()
    return new Map(
      [...this.#now.keys()].map((file) => {
        let bytes: Buffer = Buffer.from(this.#durable.get(file) ?? Buffer.alloc(0))
        for (const traced of this.#since.get(file) ?? []) {
          if (traced.type === 'truncate' && random.next() < keep) bytes = changed(bytes, traced)
          if (traced.type !== 'write') continue
          for (let at = 0; at < traced.data.byteLength; at += sector) {
            const data = traced.data.subarray(at, at + sector)
            if (random.next() < keep) bytes = changed(bytes, { ...traced, offset: traced.offset + at, data })
          }
        }
        return [file, bytes]
      }),
    )
  }
}

function changed(bytes: Buffer = Buffer.alloc(0), traced: Traced): Buffer {
  if (traced.type === 'truncate') {
    const cut = Buffer.alloc(traced.size)
    bytes.copy(cut)
    return cut
  }
  if (traced.type !== 'write') return bytes
  const end = traced.offset + traced.data.byteLength
  const grown = bytes.byteLength >= end ? bytes : Buffer.concat([bytes, Buffer.alloc(end - bytes.byteLength)])
  traced.data.copy(grown, traced.offset)
  return grown
}
