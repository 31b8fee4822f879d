/** Durable writes of every verb over HTTPS, 64 at once, beside a raw node:http2 server that parses what it is sent and answers with its JSON. */
import { type Bench, defineBench } from './define-bench.ts'
import { benchServer } from './load/bench-server.ts'
import { compare, figureOf } from './load/compare.ts'
import { LoadProcess } from './load/load-client.ts'
import { rawServer } from './load/raw-server.ts'
import { createTargets, createVictims, echo, type WriteLoad, writeLoads } from './load/write-loads.ts'

/** So many until V8 has compiled what a write runs through; before, it compiles beside them. */
const warmUpRequests = 20_000

export default defineBench({
  name: 'create',
  async run(report) {
    await measure(writeLoads, 'twenty policies', report)
    await measure(writeLoads.slice(0, 2), 'no policies', report)
  },
})

async function measure(
  loads: readonly WriteLoad[],
  how: 'twenty policies' | 'no policies',
  report: Parameters<Bench['run']>[0],
): Promise<void> {
  await using nami = await benchServer({ durable: true, strict: how === 'twenty policies' })
  await createTargets(nami.client)
  using raw = await rawServer(nami.pki, (stream) => void echo(stream))
  using clients = new LoadProcess()
  for (const { what, load, each } of loads) {
    const all = { ...load, connections: 8, streams: 8 }
    const sides = {
      limit: await clients.open({ ...all, target: { ...nami.target, port: raw.port } }),
      nami: await clients.open({ ...all, target: nami.target }),
    }
    const before = each === undefined ? undefined : () => createVictims(nami.client, each)
    const turns = { rounds: 4, milliseconds: 700, warmUpRequests: each ? 3000 : warmUpRequests, requests: each, before }
    const size = `${(load.body?.length ?? 0).toLocaleString('en')} bytes sent`
    report(figureOf(`${what}, durable, 64 at once, ${how}, ${size}`, await compare(sides, turns), 'raw parse and stringify'))
  }
}
