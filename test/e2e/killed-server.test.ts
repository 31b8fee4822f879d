import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '#lib/random.ts'
import { type Bed, noBed, openBed } from '#testing/bed.ts'
import type { Background } from '#testing/bed-run.ts'
import { realClients } from '#testing/real-clients.ts'

const clients = realClients()
const nami = fileURLToPath(new URL('../../bin/nami.ts', import.meta.url))
const writer = fileURLToPath(new URL('./writer/writer.ts', import.meta.url))

describe('the server killed a hundred times while eight clients write', {
  skip: noBed() || clients.missing,
  timeout: 600_000,
}, () => {
  let bed: Bed
  before(async () => {
    bed = await openBed({ kubectl: clients.kubectl, up: ['--no-agent'] })
    const stopped = await bed.nami('down')
    assert.equal(stopped.code, 0, stopped.stderr)
  })
  after(() => bed?.[Symbol.asyncDispose]())

  /** The process itself, without the supervisor and its growing pauses. */
  const serve = () => bed.start(process.execPath, [nami, 'server', '--data-dir', bed.dataDir])

  test('loses no acknowledged write, brings back nothing that was deleted, and leaves a watch no gap and no repeat', async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${seed}`)
    const random = seededRandom(seed)
    let server = serve()
    const writes = bed.start(process.execPath, [writer, join(bed.dataDir, 'kubeconfig')])
    for (let kill = 0; kill < 100; kill++) {
      await acknowledged(writes, server, count(writes) + 1 + Math.floor(random.next() * 60))
      await server.stop()
      server = serve()
    }
    await acknowledged(writes, server, count(writes) + 8)
    await writes.stop()
    const found = await bed.kubectl('get', 'configmaps', '-o', 'json')
    assert.equal(found.code, 0, found.stderr)
    const objects = new Map(JSON.parse(found.stdout).items.map((item: any) => [item.metadata.name, item.data]))
    const lines = writes.printed().trimEnd().split('\n')
    const faults = faultsOf(lines, objects as Map<string, Record<string, string>>)
    assert.deepEqual([...faults, ...watchFaultsOf(lines)], [])
    t.diagnostic(`${lines.filter((line) => line.startsWith('saw ')).length} events seen`)
    t.diagnostic(`${count(writes)} writes acknowledged`)
    await server.stop()
  })
})

function count(writes: Background): number {
  return writes.printed().match(/^(created|counted|deleted) /gm)?.length ?? 0
}

/** Until so many writes were acknowledged in all. */
async function acknowledged(writes: Background, server: Background, wanted: number): Promise<void> {
  while (count(writes) < wanted) {
    assert.equal(server.process.exitCode, null, `the server ended by itself:\n${server.printed()}`)
    await once(writes.process, 'printed', { signal: AbortSignal.timeout(60_000) }).catch((error) => {
      throw new Error(`nothing was written for a minute:\n${server.printed().slice(-2000)}`, { cause: error })
    })
  }
}

/** What was acknowledged and is not so. A client writes one thing after the other, so its last word on an object counts. */
function faultsOf(lines: readonly string[], objects: ReadonlyMap<string, Record<string, string>>): string[] {
  const deleted = new Set(lines.filter((line) => line.startsWith('deleted ')).map((line) => line.slice(8)))
  const values = new Map<string, number>()
  const faults: string[] = []
  for (const line of lines) {
    const [word, name = '', value] = line.split(' ')
    if (word === 'counted') values.set(`counter-${name}`, Number(value))
    if (word === 'created' && !deleted.has(name) && !objects.has(name) && Number(name.split('-')[2]) % 3 !== 2)
      faults.push(`${name} is lost`)
    if (word === 'deleted' && objects.has(name)) faults.push(`${name} is back`)
  }
  // A later count may have been written without its answer having come.
  for (const [name, value] of values) {
    if (!(Number(objects.get(name)?.value) >= value))
      faults.push(`${name} is ${objects.get(name)?.value}, and ${value} was acknowledged`)
  }
  return faults
}

/** Events come once and in order, each fits on what was before, and every acknowledged write is one of them. */
function watchFaultsOf(lines: readonly string[]): string[] {
  const faults: string[] = lines.filter((line) => line === 'expired')
  const there = new Set<string>()
  const seen = new Map<number, string>()
  let newest = 0
  for (const line of lines) {
    const [word, type, name = '', version] = line.split(' ')
    // The last line may be cut short.
    if (word !== 'saw' || version === undefined) continue
    if (!(Number(version) > newest)) faults.push(`${line} came after ${newest}`)
    if ((type === 'ADDED') === there.has(name) && !name.startsWith('kube-')) faults.push(`${line}, which does not follow`)
    newest = Number(version)
    seen.set(newest, name)
    if (type === 'DELETED') there.delete(name)
    else there.add(name)
  }
  for (const line of lines.slice(0, -1)) {
    const [word, name, ...rest] = line.split(' ')
    const version = Number(rest.at(-1))
    const of = word === 'counted' ? `counter-${name}` : name
    const isWrite = word === 'created' || word === 'counted'
    if (isWrite && version <= newest && seen.get(version) !== of) faults.push(`${line} was acknowledged, and never seen`)
  }
  if (seen.size < lines.length / 4) faults.push(`only ${seen.size} events were seen`)
  return faults
}
