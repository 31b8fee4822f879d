/** GET of one pod over HTTP/2 with TLS, client certificate and RBAC, beside a raw node:http2 server that sends the same bytes. */
import { Pod } from '#api/core/v1/pod.ts'
import { pod } from '#testing/make.ts'
import { defineBench } from './define-bench.ts'
import { type BenchServer, benchServer } from './load/bench-server.ts'
import { compare, figureOf } from './load/compare.ts'
import { LoadProcess } from './load/load-client.ts'
import { answerWith, rawServer } from './load/raw-server.ts'

const path = '/api/v1/namespaces/default/pods/web'
const shapes = [
  { connections: 8, streams: 8 },
  { connections: 64, streams: 1 },
]

export default defineBench({
  name: 'http',
  async run(report) {
    await using nami = await benchServer({ strict: true })
    const labels = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`label-${i}`, 'x'.repeat(50)]))
    await nami.client.create(Pod, pod('web', { labels }))
    using raw = await rawServer(nami.pki, answerWith(await bytesOf(nami)))
    using clients = new LoadProcess()
    for (const { connections, streams } of shapes) {
      const load = { path, connections, streams }
      const sides = {
        limit: await clients.open({ ...load, target: { ...nami.target, port: raw.port } }),
        nami: await clients.open({ ...load, target: nami.target }),
      }
      report(figureOf(`GET of one pod, ${connections} x ${streams}`, await compare(sides), 'raw node:http2'))
    }
  },
})

async function bytesOf({ client }: BenchServer): Promise<Uint8Array> {
  return Buffer.from(`${JSON.stringify(await client.get(Pod, { namespace: 'default', name: 'web' }))}\n`)
}
