import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { http2Client } from '#testing/http-clients.ts'
import { listenOnLoopback } from '#testing/loopback.ts'
import { send } from '#testing/send.ts'
import { publishStages } from '../publish/publish.ts'

const group = 'stable.example.com'
const path = `/apis/${group}/v1/namespaces/default/crontabs`
const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const text = { type: 'string' }
const whole = { type: 'integer', format: 'int64' }

const definition = {
  metadata: { name: `crontabs.${group}` },
  spec: {
    ...{ group, scope: 'Namespaced', names: { plural: 'crontabs', kind: 'CronTab' } },
    versions: [
      {
        ...{ name: 'v1', served: true, storage: true },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', properties: { image: text, replicas: whole, at: text } } },
          },
        },
        selectableFields: [{ jsonPath: '.spec.image' }, { jsonPath: '.spec.replicas' }],
        additionalPrinterColumns: [
          { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
          { name: 'Number', type: 'number', jsonPath: '.spec.replicas' },
          { name: 'At', type: 'date', jsonPath: '.spec.at' },
        ],
      },
    ],
  },
}

async function published(): Promise<TestCluster> {
  const cluster: TestCluster = await testCluster({
    publish: publishStages({ kinds: () => cluster.server.registry.kinds.all(), gitVersion: 'v1.36.0', platform: 'linux/amd64' }),
  })
  return cluster
}

async function define(cluster: TestCluster): Promise<void> {
  const { status, object } = await send(cluster.server, `POST ${definitions}`, { body: definition })
  assert.equal(status, 201, JSON.stringify(object))
}

const crontab = (name: string, spec: object) => ({ metadata: { name }, spec })

async function create(cluster: TestCluster, name: string, spec: object): Promise<void> {
  assert.equal((await send(cluster.server, `POST ${path}`, { body: crontab(name, spec) })).status, 201)
}

/** 100 ms are far more than these few turns of a loop that has nothing else to do, and no timer stands in the way. */
const fewTurns = 25

test('a resource is served a few turns after its definition was made, without a timer; then it is in discovery and OpenAPI', async () => {
  await using cluster = await published()
  // What the first request of its kind loads is not what is counted.
  for (const document of ['openapi/v2', 'openapi/v3', 'apis']) await send(cluster.server, `GET /${document}`)
  const began = cluster.clock.now()
  await define(cluster)
  let turns = 0
  for (; (await send(cluster.server, `GET ${path}`)).status !== 200; turns++) {
    assert.ok(turns < fewTurns, 'it is not served yet')
    await new Promise(setImmediate)
  }
  const resource = cluster.server.registry.kinds.find({ group, version: 'v1', resource: 'crontabs' })
  assert.ok(resource)
  const read = async (target: `/${string}`, accept?: string) => {
    const { object } = await send(cluster.server, `GET ${target}` as `GET /${string}`, { ...(accept && { accept }) })
    return JSON.parse(object)
  }
  const aggregated = await read('/apis', 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList')
  const [v2, v3, one] = [await read('/openapi/v2'), await read('/openapi/v3'), await read(`/openapi/v3/apis/${group}/v1`)]
  const [plain, list] = [await read('/apis'), await read(`/apis/${group}/v1`)]
  assert.equal(cluster.clock.now(), began)
  assert.ok(plain.groups.some(({ name }: { name: string }) => name === group))
  assert.equal(list.resources[0].name, 'crontabs')
  const found = aggregated.items.find(({ metadata }: any) => metadata.name === group)
  assert.equal(found.versions[0].resources[0].resource, 'crontabs')
  assert.ok(v2.definitions['com.example.stable.v1.CronTab'].properties.spec.properties.image)
  assert.ok(v2.paths[`/apis/${group}/v1/namespaces/{namespace}/crontabs`])
  assert.ok(v3.paths[`apis/${group}/v1`])
  assert.ok(one.components.schemas['com.example.stable.v1.CronTab'])
})

test('selectableFields select in lists and watches, and in deletions of many', async () => {
  await using cluster = await testCluster()
  await define(cluster)
  await cluster.settle()
  await create(cluster, 'a', { image: 'x', replicas: 1 })
  await create(cluster, 'b', { image: 'y', replicas: 2 })
  const listed = async (selector: string) => {
    const { status, object } = await send(cluster.server, `GET ${path}?fieldSelector=${encodeURIComponent(selector)}`)
    return status === 200 ? object.items.map(({ metadata }: any) => metadata.name).join() : object.message
  }
  assert.equal(await listed('spec.image=y'), 'b')
  assert.equal(await listed('spec.image!=y,spec.replicas=1'), 'a')
  assert.equal(await listed('spec.at=1'), 'field label not supported: spec.at')
  const stop = new AbortController()
  const selected = `GET ${path}?watch=true&fieldSelector=${encodeURIComponent('spec.image=x')}` as const
  const { response } = await send(cluster.server, selected, { signal: stop.signal })
  assert.ok(response.type === 'watch')
  const seen: string[] = []
  const reading = (async () => {
    for await (const batch of response.events)
      for (const { type, object } of batch as readonly any[]) seen.push(`${type} ${object.metadata.name}`)
  })()
  const patch = (name: string, image: string) =>
    send(cluster.server, `PATCH ${path}/${name}`, { body: { spec: { image } }, contentType: 'application/merge-patch+json' })
  await patch('b', 'x')
  await patch('a', 'z')
  await patch('a', 'w')
  await cluster.settle()
  assert.deepEqual(seen, ['ADDED a', 'ADDED b', 'DELETED a'])
  stop.abort()
  await reading.catch(() => {})
  await send(cluster.server, `DELETE ${path}?fieldSelector=${encodeURIComponent('spec.image=x')}`)
  assert.equal(await listed('metadata.namespace=default'), 'a')
})

test('columns show numbers beyond 2^53 whole, and times only as RFC 3339 knows them', async () => {
  await using cluster = await testCluster()
  await define(cluster)
  await cluster.settle()
  const big = `{"metadata":{"name":"big"},"spec":{"replicas":9007199254740993,"at":"2020-01-01"}}`
  assert.equal((await send(cluster.server, `POST ${path}`, { body: big })).status, 201)
  await create(cluster, 'none', { at: '' })
  await create(cluster, 'old', { at: '2020-01-01T00:00:00Z', replicas: 3 })
  await using front = await listenOnLoopback(cluster)
  await using client = http2Client(front)
  const { text } = await client.call(`GET ${path}`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })
  const cells = [...text.matchAll(/"cells":\[([^\]]*)\]/g)].map(([, row]) => row)
  assert.equal(cells[0], '"big",9007199254740993,9007199254740992,"<invalid>"')
  assert.equal(cells[1], '"none",null,null,"<unknown>"')
  assert.match(cells[2] as string, /^"old",3,3,"\d+y/)
})
