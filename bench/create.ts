/** Durable writes of every verb over HTTPS, 64 at once, beside a raw node:http2 server that parses what it is sent and answers with its JSON. */
import { defineBench } from './define-bench.ts'
import { benchServer } from './load/bench-server.ts'
import { compare, figureOf } from './load/compare.ts'
import { LoadProcess } from './load/load-client.ts'
import { rawServer } from './load/raw-server.ts'
import { createTargets, createVictims, echo, writeLoads } from './load/write-loads.ts'

export default defineBench({
  name: 'create',
  async run(report) {
    await using nami = await benchServer({ durable: true, strict: true })
    await createTargets(nami.client)
    using raw = await rawServer(nami.pki, (stream) => void echo(stream))
    using clients = new LoadProcess()
    for (const { what, load, each } of writeLoads) {
      const all = { ...load, connections: 8, streams: 8 }
      const sides = {
        limit: await clients.open({ ...all, target: { ...nami.target, port: raw.port } }),
        nami: await clients.open({ ...all, target: nami.target }),
      }
      const before = each === undefined ? undefined : () => createVictims(nami.client, each)
      const turns = { rounds: 4, milliseconds: 700, warmUpRequests: 3000, requests: each, before }
      const size = `${(load.body?.length ?? 0).toLocaleString('en')} bytes sent`
      report(figureOf(`${what}, durable, 64 at once, ${size}`, await compare(sides, turns), 'raw parse and stringify'))
    }
  },
})
