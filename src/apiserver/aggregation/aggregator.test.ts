import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { APIService } from '#api/apiregistration/v1/api-service.ts'
import { Service } from '#api/core/v1/service.ts'
import { EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { issueAuthority, issueCertificate } from '#cluster/pki-certificate.ts'
import { systemClock } from '#lib/clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'
import { type TlsBackend, tlsBackend } from '#testing/tls-backend.ts'
import { publishStages } from '../publish/publish.ts'

const path = '/apis/metrics.example.com/v1'
const name = 'v1.metrics.example.com'
let extension: TlsBackend
let cluster: TestCluster
let isBroken = false

const resources = [
  { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
  { name: 'nodes/status', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get'] },
]

/** With a path and a definition of another API of the server, which nobody asked it for. */
const swagger = {
  swagger: '2.0',
  paths: {
    [`${path}/nodes`]: { get: { responses: { 200: { schema: { $ref: '#/definitions/NodeMetrics' } } } } },
    '/apis/other.example.com/v1/': { get: { responses: { 200: { schema: { $ref: '#/definitions/Other' } } } } },
  },
  definitions: {
    NodeMetrics: { properties: { metadata: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' } } },
    'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': { type: 'object', description: 'Another one.' },
    Other: {},
  },
}

function answer(message: IncomingMessage, response: ServerResponse): void {
  const { method, url = '', headers } = message
  const send = (status: number, value: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  if (isBroken) return void send(500, {})
  if (url === path) return void send(200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: path.slice(6), resources })
  if (url === '/openapi/v3')
    return void send(200, { paths: { [path.slice(1)]: { serverRelativeURL: `/openapi/v3${path}?hash=1` } } })
  if (url === '/openapi/v2') return void send(200, swagger)
  send(200, { method, url, user: headers['x-remote-user'], groups: headers['x-remote-group'], own: headers.authorization ?? '' })
}

async function settled(condition: (service: APIService) => boolean): Promise<APIService> {
  for (;;) {
    await cluster.settle()
    const service = await cluster.client.get(APIService, { name })
    if (condition(service)) return service
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const available = ({ status }: APIService) => status.conditions?.find(({ type }) => type === 'Available')

before(async () => {
  const validity = { now: systemClock.now(), days: 1 }
  const authority = await issueAuthority('front-proxy-ca', validity)
  const frontProxy = await issueCertificate(authority, { commonName: 'front-proxy-client', usages: ['client'] }, validity)
  extension = await tlsBackend(answer, { dnsNames: ['metrics.kube-system.svc'], clientCa: authority.certificate })
  cluster = await testCluster({
    serviceDialer: { dial: () => extension.dial() },
    aggregation: { frontProxy },
    publish: publishStages({
      kinds: () => cluster.server.registry.kinds.all(),
      remotes: () => cluster.server.remotes(),
      ...{ gitVersion: 'v1.36.0', platform: 'linux/amd64' },
    }),
  })
  await cluster.settle()
})

after(async () => {
  await cluster[Symbol.asyncDispose]()
  await extension[Symbol.asyncDispose]()
})

test('every version that the server serves itself has an APIService', async () => {
  const { metadata, spec, status } = await cluster.client.get(APIService, { name: 'v1.apps' })
  assert.deepEqual(metadata.labels, { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' })
  assert.deepEqual(spec, { group: 'apps', version: 'v1', groupPriorityMinimum: 17800, versionPriority: 15 })
  assert.equal(status.conditions?.[0]?.message, 'Local APIServices are always available')
})

test('a remote version becomes available with its service, endpoints and an answer', async () => {
  const spec = {
    group: 'metrics.example.com',
    version: 'v1',
    groupPriorityMinimum: 17600,
    versionPriority: 100,
    caBundle: extension.caBundle,
  }
  await cluster.client.create(APIService, {
    metadata: { name },
    spec: { ...spec, service: { namespace: 'kube-system', name: 'metrics' } },
  })
  const missing = await settled((service) => available(service) !== undefined)
  assert.deepEqual(
    [available(missing)?.reason, available(missing)?.message],
    ['ServiceNotFound', 'service/metrics in "kube-system" is not present'],
  )
  assert.equal((await send(cluster.server, `GET ${path}/nodes`)).status, 503)

  await cluster.client.create(Service, {
    metadata: { name: 'metrics', namespace: 'kube-system' },
    spec: { ports: [{ port: 443 }] },
  })
  const empty = await settled((service) => available(service)?.reason !== 'ServiceNotFound')
  assert.equal(available(empty)?.message, 'cannot find endpointslices for service/metrics in "kube-system"')

  const metadata = { name: 'metrics-1', namespace: 'kube-system', labels: { 'kubernetes.io/service-name': 'metrics' } }
  await cluster.client.create(EndpointSlice, {
    metadata,
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'] }],
    ports: [{ name: '', port: 8443 }],
  })
  const passed = await settled((service) => available(service)?.status === 'True')
  assert.deepEqual([available(passed)?.reason, available(passed)?.message], ['Passed', 'all checks passed'])
})

test('requests go to the extension server with the caller in headers', async () => {
  const user = { name: 'jane', groups: ['dev', 'system:authenticated', 'system:masters'] }
  const { response } = await send(cluster.server, `GET ${path}/nodes?limit=1`, { user })
  assert.equal(response.type, 'stream')
  if (response.type !== 'stream') return
  const text = Buffer.concat(await Array.fromAsync(response.chunks)).toString()
  assert.deepEqual(JSON.parse(text), {
    method: 'GET',
    url: `${path}/nodes?limit=1`,
    user: 'jane',
    groups: user.groups.join(', '),
    own: '',
  })
})

test('discovery shows what the extension server has', async () => {
  const groups = JSON.parse((await send(cluster.server, 'GET /apis')).object)
  const names = groups.groups.map((group: { name: string }) => group.name)
  const at = names.indexOf('metrics.example.com')
  assert.deepEqual(names.slice(at - 1, at + 2), ['authorization.k8s.io', 'metrics.example.com', 'autoscaling'], 'by priority')
  assert.deepEqual(groups.groups[at], {
    name: 'metrics.example.com',
    versions: [{ groupVersion: 'metrics.example.com/v1', version: 'v1' }],
    preferredVersion: { groupVersion: 'metrics.example.com/v1', version: 'v1' },
  })
  const [remote] = cluster.server.remotes()
  assert.deepEqual(
    remote?.resources?.map((one) => one.name),
    ['nodes', 'nodes/status'],
  )
  const index = JSON.parse((await send(cluster.server, 'GET /openapi/v3')).object)
  const here = { serverRelativeURL: '/openapi/v3/apis/metrics.example.com/v1?hash=1' }
  assert.deepEqual(index.paths['apis/metrics.example.com/v1'], here)
})

test('the document of version 2 has what the extension server says of its version', async () => {
  const own = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'
  const { paths, definitions } = JSON.parse((await send(cluster.server, 'GET /openapi/v2')).object)
  assert.ok(paths[`${path}/nodes`] && paths['/api/v1/pods'])
  assert.equal(paths['/apis/other.example.com/v1/'] ?? definitions.Other, undefined)
  assert.notEqual(definitions[own].description, 'Another one.')
  assert.equal(definitions[`${own}_v2`].description, 'Another one.')
  assert.equal(definitions.NodeMetrics.properties.metadata.$ref, `#/definitions/${own}_v2`)
})

test('a server that fails is unavailable', async () => {
  isBroken = true
  await cluster.advance(30_000)
  const failed = await settled((service) => available(service)?.status === 'False')
  assert.equal(available(failed)?.reason, 'FailedDiscoveryCheck')
  assert.equal(
    available(failed)?.message,
    `failing or missing response from https://metrics.kube-system.svc:443${path}: bad status from https://metrics.kube-system.svc:443${path}: 500`,
  )
  const { status, object } = await send(cluster.server, `GET ${path}/nodes`)
  assert.deepEqual([status, object], [503, 'service unavailable\n'])
})
