/** Durable writes over HTTPS, 64 at once, beside a raw node:http2 server that parses what it is sent and answers with its JSON. */
import type { ServerHttp2Stream } from 'node:http2'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { defineBench } from './define-bench.ts'
import { benchServer } from './load/bench-server.ts'
import { compare, figureOf } from './load/compare.ts'
import { type Load, LoadProcess } from './load/load-client.ts'
import { rawServer } from './load/raw-server.ts'

const maps = '/api/v1/namespaces/default/configmaps'
const metadata = { name: 'c-@', namespace: 'default' }
const configMap = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { text: 'x'.repeat(900) } })
const env = Array.from({ length: 30 }, (_, i) => ({ name: `SETTING_${i}`, value: 'v'.repeat(50) }))
const probe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 5 }
const container = {
  ...{ name: 'main', image: 'example/app:1', ports: [{ containerPort: 8080, name: 'http' }], env },
  ...{
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    readinessProbe: probe,
    livenessProbe: probe,
  },
  volumeMounts: [{ name: 'data', mountPath: '/data' }],
}
const deployment = JSON.stringify({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...metadata, labels: { app: 'web' } } },
  spec: {
    ...{ replicas: 3, selector: { matchLabels: { app: 'web' } } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [container], volumes: [{ name: 'data', emptyDir: {} }] },
    },
  },
})

const cases: readonly { what: string; load: Omit<Load, 'target' | 'connections' | 'streams'> }[] = [
  { what: 'create of a ConfigMap', load: { method: 'POST', path: maps, body: configMap } },
  {
    what: 'create of a Deployment',
    load: { method: 'POST', path: '/apis/apps/v1/namespaces/default/deployments', body: deployment },
  },
  {
    what: 'update of a ConfigMap',
    load: { method: 'PUT', path: `${maps}/kept-#`, body: configMap.replace('c-@', 'kept-#').replace('xx', '@') },
  },
  {
    what: 'patch of a ConfigMap',
    load: { method: 'PATCH', path: `${maps}/kept-#`, contentType: 'application/merge-patch+json', body: '{"data":{"at":"@"}}' },
  },
]

export default defineBench({
  name: 'create',
  async run(report) {
    await using nami = await benchServer({ durable: true })
    for (let i = 0; i < 64; i++) await nami.client.create(ConfigMap, { metadata: { name: `kept-${i}`, namespace: 'default' } })
    using raw = await rawServer(nami.pki, (stream) => void echo(stream))
    using clients = new LoadProcess()
    for (const { what, load } of cases) {
      const all = { ...load, connections: 8, streams: 8 }
      const sides = {
        limit: await clients.open({ ...all, target: { ...nami.target, port: raw.port } }),
        nami: await clients.open({ ...all, target: nami.target }),
      }
      const turns = { rounds: 4, milliseconds: 700, warmUp: 1000 }
      const size = `${load.body?.length.toLocaleString('en')} bytes sent`
      report(figureOf(`${what}, durable, 64 at once, ${size}`, await compare(sides, turns), 'raw parse and stringify'))
    }
  },
})

async function echo(stream: ServerHttp2Stream): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  const text = JSON.stringify(JSON.parse(Buffer.concat(chunks).toString()))
  stream.respond({ ':status': 201, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  stream.end(text)
}
