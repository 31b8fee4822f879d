/** What the write benches send: each verb on a ConfigMap of 1 KB and a Deployment of 3 KB. */
import type { ServerHttp2Stream } from 'node:http2'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import type { Client } from '#client/client.ts'
import type { Load } from './load-client.ts'

export interface WriteLoad {
  readonly what: string
  readonly load: Omit<Load, 'target' | 'connections' | 'streams'>
  /** So many requests in a turn, since each needs an object of its own, which is made before. */
  readonly each?: number
}

const namespace = 'default'
const maps = `/api/v1/namespaces/${namespace}/configmaps`
const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`
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

function configMap(name: string, text = ''): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { text: text.padEnd(900, 'x') } }
}

function deployment(name: string, image = container.image): object {
  return {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace, labels: { app: 'web' } } },
    spec: {
      ...{ replicas: 3, selector: { matchLabels: { app: 'web' } } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ ...container, image }], volumes: [{ name: 'data', emptyDir: {} }] },
      },
    },
  }
}

const json = JSON.stringify
const merge = 'application/merge-patch+json'
const strategic = 'application/strategic-merge-patch+json'
const newImage = json({ spec: { template: { spec: { containers: [{ name: 'main', image: 'example/app:@' }] } } } })
const apply = `${deployments}/applied-#?fieldManager=bench&force=true`

export const writeLoads: readonly WriteLoad[] = [
  { what: 'create of a ConfigMap', load: { method: 'POST', path: maps, body: json(configMap('c-@')) } },
  { what: 'create of a Deployment', load: { method: 'POST', path: deployments, body: json(deployment('c-@')) } },
  { what: 'update of a ConfigMap', load: { method: 'PUT', path: `${maps}/kept-#`, body: json(configMap('kept-#', '@')) } },
  {
    what: 'update of a Deployment',
    load: { method: 'PUT', path: `${deployments}/kept-#`, body: json(deployment('kept-#', 'example/app:@')) },
  },
  {
    what: 'merge patch of a ConfigMap',
    load: { method: 'PATCH', path: `${maps}/kept-#`, contentType: merge, body: '{"data":{"at":"@"}}' },
  },
  {
    what: 'strategic patch of a Deployment',
    load: { method: 'PATCH', path: `${deployments}/kept-#`, contentType: strategic, body: newImage },
  },
  {
    what: 'server-side apply of a Deployment',
    load: {
      ...{ method: 'PATCH', path: apply, contentType: 'application/apply-patch+yaml' },
      body: json(deployment('applied-#', 'example/app:@')),
    },
  },
  { what: 'delete of a ConfigMap', load: { method: 'DELETE', path: `${maps}/gone-$` }, each: 1_000 },
]

const clients = 64

/** What is updated, patched and applied to; one of each for every client. */
export async function createTargets(client: Client): Promise<void> {
  for (let i = 0; i < clients; i++) {
    await client.create(ConfigMap, configMap(`kept-${i}`) as never)
    await client.create(Deployment, deployment(`kept-${i}`) as never)
  }
}

/** What is about to be deleted. */
export async function createVictims(client: Client, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => client.create(ConfigMap, configMap(`gone-${i}`) as never)))
}

/** The limit: parses what it is sent and answers with its JSON; without a body, with a few bytes. */
export async function echo(stream: ServerHttp2Stream): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  const sent = Buffer.concat(chunks).toString()
  const text = json(sent ? JSON.parse(sent) : { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' })
  stream.respond({ ':status': 200, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  stream.end(text)
}
