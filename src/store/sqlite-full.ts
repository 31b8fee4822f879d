/** How SQLite says that the disk is full, and finding out whether it is. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'

/** Result codes of SQLite: https://www.sqlite.org/rescode.html */
const full = 13
/** Growing the shared memory of the write-ahead log: nothing of the transaction is written by then. */
const sharedMemorySize = 4874

export function isFull(error: unknown): boolean {
  const { errcode } = error as { errcode?: number }
  return errcode === full || errcode === sharedMemorySize
}

export function diskFull(): Error {
  return Object.assign(new Error('the disk is full'), { errcode: full })
}

/** Leaves no file where there is no space for all of it. */
export function writeZeros(path: string, size: number): boolean {
  let file: number | undefined
  try {
    file = openSync(path, 'w')
    for (let left = size; left > 0; ) left -= writeSync(file, new Uint8Array(Math.min(left, 1 << 20)))
    return true
  } catch (error) {
    if (!wantsSpace.has((error as NodeJS.ErrnoException).code ?? '')) throw error
    rmSync(path, { force: true })
    return false
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** What the kernel says for want of space; anything else is a failure of the disk. */
const wantsSpace = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
