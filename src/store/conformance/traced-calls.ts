/** What strace saw a process do to its files, and what it printed: each call where it began, and where it had returned. */
import { readFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'

export type Traced =
  /** In effect from here on at the earliest, and for certain when `returned` says so. */
  | { readonly type: 'write'; readonly call: number; readonly file: string; readonly offset: number; readonly data: Buffer }
  | { readonly type: 'truncate'; readonly call: number; readonly file: string; readonly size: number }
  /** Of a file, or of the names in a folder: holds what had returned before it began. */
  | { readonly type: 'sync'; readonly call: number; readonly file: string }
  | { readonly type: 'syncNames'; readonly call: number; readonly folder: string }
  | { readonly type: 'create'; readonly call: number; readonly file: string }
  | { readonly type: 'unlink'; readonly call: number; readonly file: string }
  | { readonly type: 'returned'; readonly call: number; readonly file: string }
  | { readonly type: 'out'; readonly line: string }

const calls = 'pwrite64,write,fsync,fdatasync,ftruncate,unlink,openat'
export const traceArguments = ['-f', '--seccomp-bpf', '-y', '-xx', '-s', '10000000', '-e', `trace=${calls}`]

/** What happened below `root`, in order; names are relative to it. */
export function parseTrace(path: string, root: string): Traced[] {
  const pending = new Map<string, { text: string; place: Traced[] }>()
  const slots: Traced[][] = []
  let calls = 0
  const slot = () => {
    const place: Traced[] = []
    slots.push(place)
    return place
  }
  for (const line of readFileSync(path, 'latin1').split('\n')) {
    const [, pid = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (text.endsWith(unfinished)) {
      pending.set(pid, { text: text.slice(0, -unfinished.length), place: slot() })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)
    const began = resumed ? pending.get(pid) : undefined
    if (began) pending.delete(pid)
    const one = parseCall((began?.text ?? '') + (resumed?.[1] ?? text), { root, call: calls++ })
    if (!one) continue
    const place = began?.place ?? slot()
    place.push(one)
    if (one.type !== 'out') slot().push({ type: 'returned', call: one.call, file: nameOf(one) })
  }
  // Whoever was killed in the middle of a call may have done it.
  for (const { text, place } of pending.values()) {
    const one = parseCall(text, { root, call: calls++ })
    if (one) place.push(one)
  }
  return slots.flat()
}

const unfinished = '<unfinished ...>'

function nameOf(one: Exclude<Traced, { type: 'out' }>): string {
  return one.type === 'syncNames' ? one.folder : one.file
}

/** Undefined where it failed, or is no concern of ours. */
function parseCall(text: string, { root, call }: { root: string; call: number }): Traced | undefined {
  const [, name = '', rest = ''] = /^(\w+)\((.*)$/.exec(text) ?? []
  const end = rest.slice(-120)
  if (/\) += -1 /.test(end)) return undefined
  const below = (path: string) => (path.startsWith(`${root}/`) ? relative(root, path) : undefined)
  if (name === 'unlink' || name === 'openat') {
    const file = below(unquoted(rest.slice(rest.indexOf('"'))))
    if (file === undefined) return undefined
    if (name === 'unlink') return { type: 'unlink', call, file }
    return /"[^"]*", [A-Z_|]*O_CREAT/.test(rest) ? { type: 'create', call, file } : undefined
  }
  const [, fd, where = '', after = ''] = /^(\d+)<([^>]*)>(.*)$/.exec(rest) ?? []
  if (name === 'write' && fd === '1') return { type: 'out', line: unquoted(after) }
  const path = where.startsWith('\\x') ? unescaped(where) : where
  const file = below(path)
  if (file === undefined) return undefined
  if (name === 'fsync' || name === 'fdatasync') {
    // Each store lies in a folder of its own, one level below.
    return dirname(file) === '.' ? { type: 'syncNames', call, folder: file } : { type: 'sync', call, file }
  }
  if (name === 'ftruncate') return { type: 'truncate', call, file, size: Number(/, (\d+)/.exec(after)?.[1]) }
  if (name !== 'pwrite64') return undefined
  const [, offset, written] = /, \d+, (\d+)(?:\) += (\d+))?/.exec(after.slice(after.lastIndexOf('"'))) ?? []
  const data = Buffer.from(unquoted(after), 'latin1')
  return { type: 'write', call, file, offset: Number(offset), data: written ? data.subarray(0, Number(written)) : data }
}

/** The first string of a line of strace, all of whose characters are written in hexadecimal. */
function unquoted(text: string): string {
  const start = text.indexOf('"')
  const end = text.indexOf('"', start + 1)
  return unescaped(text.slice(start + 1, end))
}

function unescaped(text: string): string {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex').toString('latin1')
}
