import { after, before, describe } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bed, noBed, openBed } from '#testing/bed.ts'
import { realClients } from '#testing/real-clients.ts'
import { openSpace } from './space.ts'
import { builtInKubectl } from './suites/built-in-kubectl.ts'
import { helm } from './suites/helm.ts'
import { looking } from './suites/looking.ts'
import { objects } from './suites/objects.ts'
import { pods } from './suites/pods.ts'
import { probes } from './suites/probes.ts'
import { services } from './suites/services.ts'
import { workloads } from './suites/workloads.ts'

const clients = realClients()
const probe = fileURLToPath(new URL('./probe', import.meta.url))

/** All on one cluster, several at a time: each in a namespace of its own. */
describe('a cluster', { skip: noBed() || clients.missing, concurrency: 4, timeout: 400_000 }, () => {
  let bed: Bed
  before(async () => {
    bed = await openBed({ kubectl: clients.kubectl, up: [probe] })
  })
  after(async () => {
    if (process.env.NAMI_DEBUG) console.log(bed?.errors())
    await bed?.[Symbol.asyncDispose]()
  })
  const open = (name: string) => openSpace(bed, name)

  for (const suite of [workloads, services, looking, objects, pods, probes, builtInKubectl]) suite(open)
  helm(open, clients.helm)
})
