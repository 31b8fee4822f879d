/** Programs of ours for a user who is not root: a checkout, or its Node, may lie in a home that is closed to others. */
import { chmodSync, copyFileSync, cpSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const parts = ['bin', 'src', 'node_modules', 'package.json', 'package-lock.json']

export interface OpenPrograms {
  /** Path of a Node that every user may run. */
  readonly node: string
  /** Path of a `bin/nami.ts` that every user may read. */
  readonly nami: string
}

/** The programs themselves where everybody reaches them, otherwise copies in `folder`, which the caller removes. */
export function openPrograms(folder: string): OpenPrograms {
  const copy = join(folder, 'programs')
  mkdirSync(copy, { recursive: true })
  chmodSync(copy, 0o755)
  let node = process.execPath
  if (!isOpen(node)) {
    node = join(copy, 'node')
    copyFileSync(process.execPath, node)
  }
  if (isOpen(checkout)) return { node, nami: join(checkout, 'bin/nami.ts') }
  for (const part of parts) cpSync(join(checkout, part), join(copy, part), { recursive: true, verbatimSymlinks: true })
  return { node, nami: join(copy, 'bin/nami.ts') }
}

/** Whether users who do not own it may pass every folder on the way to it, and it itself. */
function isOpen(path: string): boolean {
  const real = realpathSync(path)
  return (statSync(real).mode & 0o001) !== 0 && (real === '/' || isOpen(dirname(real)))
}
