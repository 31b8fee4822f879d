/** What is wrong with the state, in words: the server leaves it in a file for `up`, `status` and `doctor`, which may not be able to ask. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DataDirectory } from './data-directory.ts'

/** A state from which nothing is served. */
export class StoreProblem extends Error {
  /** What to type. */
  readonly next: readonly string[]

  constructor(message: string, next: readonly string[], options?: ErrorOptions) {
    super(message, options)
    this.next = next
  }
}

/** Goes with a reboot, and with the next start; not on the disk that may be full. */
export function problemFile({ run }: DataDirectory): string {
  return join(run, 'store-problem')
}

export function noteProblem(directory: DataDirectory, { message, next }: { message: string; next: readonly string[] }): void {
  writeFileSync(problemFile(directory), JSON.stringify({ message, next }))
}

export function clearProblem(directory: DataDirectory): void {
  rmSync(problemFile(directory), { force: true })
}

export function storeProblem(
  directory: DataDirectory,
): { readonly message: string; readonly next: readonly string[] } | undefined {
  return parsedProblem(textOf(problemFile(directory)))
}

export function parsedProblem(text: string | undefined) {
  if (!text) return undefined
  try {
    return JSON.parse(text) as { message: string; next: string[] }
  } catch {
    return undefined
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
