/** What a damaged store says, and what of its write-ahead log SQLite would pass over in silence. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'

/** The file is not what was written: nothing may be served from it. */
export class DamagedStoreError extends Error {
  readonly path: string
  /** What is wrong, a sentence each. */
  readonly findings: readonly string[]

  constructor(path: string, findings: readonly string[], options?: ErrorOptions) {
    super(`the store ${path} is damaged: ${findings.join('; ')}`, options)
    this.name = 'DamagedStoreError'
    this.path = path
    this.findings = findings
  }
}

/** Codes of SQLite for a file that cannot be read as a database: CORRUPT, NOTADB, IOERR, and CANTOPEN for what lies beside it. */
export function isDamage(error: unknown): error is Error {
  const { errcode } = error as { errcode?: number }
  return errcode !== undefined && [10, 11, 26].includes(errcode & 0xff)
}

const headerSize = 32
const frameHeaderSize = 24

interface Scan {
  /** Transactions that are whole, and would be recovered. */
  readonly whole: number
  /** Ends of transactions that stand behind the first frame that is not sound. */
  readonly lost: number
}

/**
 * SQLite ends recovery at the first frame whose checksum is wrong, which is right for the last transaction of a power cut and
 * silently loses acknowledged ones when an older frame is damaged. Since each transaction is on the disk before the next one is
 * written, two ends of transactions behind the first unsound frame mean that the first of them was acknowledged.
 * The format: https://www.sqlite.org/fileformat2.html#walformat
 */
export function walDamage(path: string): string | undefined {
  const { whole, lost } = scanWal(`${path}-wal`)
  if (lost < 2) return undefined
  return `its write-ahead log is damaged after ${whole} transactions, and at least ${lost - 1} acknowledged ones stand behind`
}

function scanWal(path: string): Scan {
  const none = { whole: 0, lost: 0 }
  if (!existsSync(path)) return none
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const header = new Uint8Array(headerSize)
    if (size < headerSize || readSync(file, header, 0, headerSize, 0) < headerSize) return none
    const view = new DataView(header.buffer)
    const magic = view.getUint32(0)
    if (magic !== 0x377f0682 && magic !== 0x377f0683) return none
    const little = magic === 0x377f0682
    const sums: Sums = [0, 0]
    addWords(sums, view, { from: 0, to: 24, little })
    if (sums[0] !== view.getUint32(24) || sums[1] !== view.getUint32(28)) return none
    return scanFrames({ file, size, sums, little, pageSize: view.getUint32(8), salts: [view.getUint32(16), view.getUint32(20)] })
  } finally {
    closeSync(file)
  }
}

type Sums = [number, number]

interface Frames {
  readonly file: number
  readonly size: number
  readonly sums: Sums
  readonly little: boolean
  readonly pageSize: number
  readonly salts: readonly [number, number]
}

function scanFrames({ file, size, sums, little, pageSize, salts }: Frames): Scan {
  const step = frameHeaderSize + pageSize
  const frame = new Uint8Array(step)
  const view = new DataView(frame.buffer)
  let whole = 0
  let lost = 0
  let isSound = true
  for (let at = headerSize; at + step <= size; at += step) {
    if (readSync(file, frame, 0, step, at) < step) break
    // Frames of an earlier round of the log have other salts.
    const isOurs = view.getUint32(8) === salts[0] && view.getUint32(12) === salts[1]
    if (isSound && isOurs) {
      addWords(sums, view, { from: 0, to: 8, little })
      addWords(sums, view, { from: frameHeaderSize, to: step, little })
    }
    isSound &&= isOurs && sums[0] === view.getUint32(16) && sums[1] === view.getUint32(20)
    const endsTransaction = view.getUint32(4) !== 0
    if (!endsTransaction) continue
    if (isSound) whole++
    else if (isOurs) lost++
  }
  return { whole, lost }
}

function addWords(sums: Sums, view: DataView, { from, to, little }: { from: number; to: number; little: boolean }): void {
  let [a, b] = sums
  for (let at = from; at < to; at += 8) {
    a = (a + view.getUint32(at, little) + b) >>> 0
    b = (b + view.getUint32(at + 4, little) + a) >>> 0
  }
  sums[0] = a
  sums[1] = b
}
