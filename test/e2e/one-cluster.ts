/** Tests that share one cluster, several at a time, each in a namespace of its own. */
import { after, before, describe } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bed, noBed, openBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'
import { type Open, openSpace } from './space.ts'

export const clients = realClients()
const probe = fileURLToPath(new URL('./probe', import.meta.url))

/** Skipped aloud where a machine cannot have a cluster of its own. */
export function onOneCluster(
  title: string,
  limits: { readonly concurrency: number; readonly timeout: number },
  tests: (open: Open) => void,
): void {
  describe(title, { skip: noBed() || clients.missing, ...limits }, () => {
    let bed: Bed
    before(async () => {
      bed = await openBed({ kubectl: clients.kubectl, up: [probe] })
    })
    after(async () => {
      if (process.env.NAMI_DEBUG) console.log(bed?.errors())
      await bed?.[Symbol.asyncDispose]()
    })
    tests((name) => openSpace(bed, name))
  })
}
