/** Whether the disk can take a cluster, asked before anything is written. */
import { thisMachine } from './doctor/machine.ts'
import { UpError } from './up.ts'

/** A start writes less than this before anything runs: keys, an empty state, logs. */
const leastBytes = 32 * 1024 ** 2

/** Throws where it cannot. */
export async function checkSpace({ path }: { readonly path: string }): Promise<void> {
  const { freeBytes } = await thisMachine().space(path)
  if (freeBytes >= leastBytes) return
  const left = Math.floor(freeBytes / 1024 ** 2)
  throw new UpError(`The disk that holds ${path} is full: ${left} MB are free, and a cluster needs 32 to begin with.`, [
    `df -h ${path}`,
    'nami up --data-dir D    puts it elsewhere',
  ])
}
