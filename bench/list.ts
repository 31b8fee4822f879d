/** LIST of ConfigMaps of 1 KB to the last byte, beside a bare TLS server that writes as many; alone, and while others read and write. */
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { defineBench, type Figure } from './define-bench.ts'
import { type BenchServer, benchServer } from './load/bench-server.ts'
import { compare, figureOf } from './load/compare.ts'
import { LoadProcess, type Round, type Target } from './load/load-client.ts'
import { answerWith, rawServer, rawWriter, writeAll } from './load/raw-server.ts'

const many = 100_000
const few = 1_000
const path = '/api/v1/namespaces/default/configmaps'
const data = { text: 'x'.repeat(800) }

export default defineBench({
  name: 'list',
  async run(report) {
    await using nami = await benchServer({ strict: true })
    using clients = new LoadProcess()
    await fill(nami, few)
    const short = { rounds: 7, milliseconds: 500, warmUp: 1000 }
    report(await listing(`LIST of ${few.toLocaleString('en')}`, { nami, clients, path, turns: short }))
    const selected = `${path}?labelSelector=half%3Dyes`
    report(await listing('LIST of half of them by label', { nami, clients, path: selected, turns: short }))
    await fill(nami, many)
    const long = { rounds: 5, milliseconds: 1, warmUpRequests: 3 }
    report(await listing(`LIST of ${many.toLocaleString('en')}`, { nami, clients, path, turns: long }))
    report(await listing('LIST of half of these by label', { nami, clients, path: selected, turns: long }))
    await amidOthers(nami, clients, report)
  },
})

async function fill({ client }: BenchServer, target: number): Promise<void> {
  const { items } = await client.list(ConfigMap, { namespace: 'default' })
  let next = items.length
  const worker = async () => {
    while (next < target) {
      const number = next++
      const labels = { half: number % 2 ? 'yes' : 'no' }
      await client.create(ConfigMap, { metadata: { name: `m${number}`, namespace: 'default', labels }, data })
    }
  }
  await Promise.all(Array.from({ length: 32 }, worker))
}

interface Listing {
  readonly nami: BenchServer
  readonly clients: LoadProcess
  readonly path: string
  readonly turns: Parameters<typeof compare>[1]
}

async function listing(what: string, { nami, clients, path, turns }: Listing): Promise<Figure> {
  const own = await clients.open({ target: nami.target, path, plain: true, connections: 1, streams: 1 })
  const { bytes } = await own.run(1)
  using raw = await rawWriter(nami.pki, new Uint8Array(bytes).fill(120))
  const load = { target: { ...nami.target, port: raw.port }, path, rawBytes: bytes, connections: 1, streams: 1 }
  const sides = await compare({ limit: await clients.open(load), nami: own }, turns)
  return figureOf(what, sides, 'raw TLS')
}

interface Amid {
  readonly get: Round
  readonly put: Round
  readonly list: Round
}

/**
 * GET of one object 200 times a second, and 500 writes a second, while the long list is read again and again; and the same from a server that knows
 * the answers and does nothing with what is written.
 */
async function amidOthers(nami: BenchServer, lists: LoadProcess, report: (figure: Figure) => void): Promise<void> {
  using readers = new LoadProcess()
  using writers = new LoadProcess()
  const clients = { lists, readers, writers }
  const probe = await lists.open({ target: nami.target, path, plain: true, connections: 1, streams: 1 })
  const bytes = new Uint8Array((await probe.run(1)).bytes).fill(120)
  const short = answerWith(bytes.subarray(0, 1200))
  using raw = await rawServer(nami.pki, (stream, asked) => {
    stream.resume()
    if (asked !== path) return short(stream)
    stream.respond({ ':status': 200, 'content-length': bytes.length })
    void writeAll(stream, bytes).then(() => stream.end())
  })
  const sides = { limit: await amid({ ...nami.target, port: raw.port }, clients), nami: await amid(nami.target, clients) }
  const turns = { limit: [] as Amid[], nami: [] as Amid[] }
  for (const side of [sides.limit, sides.nami]) await side(1000)
  for (let turn = 0; turn < 3; turn++) {
    turns.limit.push(await sides.limit(4000))
    turns.nami.push(await sides.nami(4000))
  }
  const limit = middle(turns.limit)
  const { get, put, list } = middle(turns.nami)
  report({
    what: `GET while ${many.toLocaleString('en')} are listed without pause: p99`,
    value: get.p99,
    unit: 'ms',
    limit: { what: 'raw node:http2 with the same clients', value: limit.get.p99 },
    note: `p50 ${get.p50.toFixed(1)} ms, worst ${get.worst.toFixed(0)} ms; ${(put.requests / put.seconds).toFixed(0)} writes/s, p99 ${put.p99.toFixed(1)} ms; a list took ${list.p50.toFixed(0)} ms, raw ${limit.list.p50.toFixed(0)} ms`,
  })
}

/** By the p99 of its GETs. */
function middle(turns: readonly Amid[]): Amid {
  return turns.toSorted((a, b) => a.get.p99 - b.get.p99)[turns.length >> 1] as Amid
}

/** Answers how to run all three for so many milliseconds. */
async function amid(
  target: Target,
  { lists, readers, writers }: Readonly<Record<'lists' | 'readers' | 'writers', LoadProcess>>,
): Promise<(milliseconds: number) => Promise<Amid>> {
  const one = { target, connections: 2, streams: 8 }
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm7' }, data: { ...data, at: '@' } })
  const gets = await readers.open({ ...one, path: `${path}/m9` })
  const puts = await writers.open({ ...one, path: `${path}/m7`, method: 'PUT', body })
  const all = await lists.open({ target, path, plain: true, connections: 1, streams: 1 })
  return async (milliseconds) => {
    const [get, put, list] = await Promise.all([
      gets.run(milliseconds, { perSecond: 200 }),
      puts.run(milliseconds, { perSecond: 500 }),
      all.run(milliseconds),
    ])
    return { get, put, list }
  }
}
