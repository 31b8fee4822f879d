import { after, before, describe } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bed, openBed } from '#testing/bed.ts'
import { realClients } from '../clients/kubectl.ts'
import { openSpace } from './space.ts'
import { builtInKubectl } from './suites/built-in-kubectl.ts'
const clients = realClients()
const probe = fileURLToPath(new URL('./probe', import.meta.url))
describe('x', { timeout: 200000 }, () => {
  let bed: Bed
  before(async () => { bed = await openBed({ kubectl: clients.kubectl, up: [probe] }) })
  after(async () => { await bed?.[Symbol.asyncDispose]() })
  builtInKubectl((name) => openSpace(bed, name))
})
