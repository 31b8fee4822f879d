/** The launcher as people type it, inside a bed: `./nami COMMAND ...`. */
import { fileURLToPath } from 'node:url'
import type { Bed } from '#testing/bed.ts'
import type { Ran } from '#testing/bed-run.ts'

const launcher = fileURLToPath(new URL('../../nami', import.meta.url))

/** Throws when it fails. */
export async function launch({ run, dataDir }: Bed, ...words: string[]): Promise<Ran> {
  const env = { NAMI_NODE: process.execPath }
  const ran = await run(launcher, [...words, '--data-dir', dataDir], { env, timeout: 240_000 })
  if (ran.code !== 0) throw new Error(`nami ${words.join(' ')} failed: ${ran.stdout}${ran.stderr}`)
  return ran
}
