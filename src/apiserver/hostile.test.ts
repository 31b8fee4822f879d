/** Requests that are made to hurt: small in bytes, large in what they cost, or shaped to reach what they may not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { hasReason } from '#schema/status-error.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { send } from '#testing/send.ts'

const pods = '/api/v1/namespaces/default/pods'
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

for (const [name, text] of [
  ['a%2fb', "may not contain '%'"],
  ['..', "may not be '..'"],
  ['.', "may not be '.'"],
] as const) {
  test(`a path with the name ${JSON.stringify(name)} names nothing`, async () => {
    await using cluster = await testCluster()
    const { status, object } = await send(cluster.server, `GET ${pods}/${name}`)
    assert.equal(status, 400)
    assert.equal(object.message, `Name parameter invalid: "${name}": ${text}`)
    const within = await send(cluster.server, `PUT /api/v1/namespaces/${name}/events/b`, { body: { metadata: { name: 'b' } } })
    assert.equal(within.object.message, `Namespace parameter invalid: "${name}": ${text}`)
  })
}

test('names that components take from objects do not lead to another path', async () => {
  for (const transport of ['in-process', 'https'] as const) {
    await using cluster = await testCluster({ transport })
    await cluster.client.create(Secret, { metadata: { name: 'x', namespace: 'default' } })
    const refused = (error: unknown) => hasReason(error, 'BadRequest')
    await assert.rejects(cluster.client.get(ConfigMap, { name: 'a/exec', namespace: 'default' }), refused)
    await assert.rejects(cluster.client.get(ConfigMap, { name: '..', namespace: 'default' }), refused)
    await assert.rejects(cluster.client.get(ConfigMap, { name: 'a', namespace: 'default/secrets/x' }), refused)
  }
})

test('the prefix /watch/ leads no other method to a subresource', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(Pod, pod('a'))
  for (const path of ['watch', 'proxy']) {
    for (const subresource of ['proxy/x', 'exec', 'portforward', 'status', 'constructor']) {
      const { status } = await send(cluster.server, `POST /api/v1/${path}/namespaces/default/pods/a/${subresource}`)
      assert(status === 404 || status === 405, `${path} ${subresource}: ${status}`)
    }
  }
})

test('the prefix /watch/ makes no watch of another method', async () => {
  await using cluster = await testCluster()
  for (const method of ['POST', 'OPTIONS', 'PUT', 'DELETE']) {
    const { status } = await send(cluster.server, `${method} /api/v1/watch/namespaces/default/pods` as 'POST /')
    assert.equal(status, 405, method)
  }
})

test('a JSON patch cannot copy an object into itself again and again', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' }, data: { x: 'x'.repeat(1000) } })
  const body = numbers(40).map((i) => ({ op: 'copy', from: '/metadata', path: `/metadata/k${i}` }))
  const { status } = await send(cluster.server, 'PATCH /api/v1/namespaces/default/configmaps/a', {
    body,
    contentType: 'application/json-patch+json',
  })
  assert.equal(status, 422)
})

/** Each took from several seconds to hours; the bound is generous, for slow machines. */
const costly: readonly (readonly [what: string, line: `${string} /${string}`, body: () => unknown, contentType?: string])[] = [
  [
    'finalizers in a patch',
    'PATCH /api/v1/namespaces/default/configmaps/a',
    () => ({ metadata: { finalizers: numbers(60_000).map((i) => `a/f${i}`) } }),
    'application/strategic-merge-patch+json',
  ],
  [
    'deletions in a patch',
    `PATCH ${pods}/a`,
    () => ({ spec: { containers: [{ name: 'main', env: numbers(40_000).map((i) => ({ name: `v${i}`, $patch: 'delete' })) }] } }),
    'application/strategic-merge-patch+json',
  ],
  [
    'owner references',
    'POST /api/v1/namespaces/default/configmaps',
    () => ({
      ...{ apiVersion: 'v1', kind: 'ConfigMap' },
      metadata: {
        name: 'o',
        ownerReferences: numbers(20_000).map((i) => ({ apiVersion: 'v1', kind: 'Pod', name: 'a', uid: `${i}` })),
      },
    }),
  ],
  ['digits of a quantity', `POST ${pods}`, () => withContainer({ resources: { limits: { cpu: `1${'0'.repeat(1_000_000)}` } } })],
  [
    'zeros of a quantity',
    `POST ${pods}`,
    () => withContainer({ resources: { limits: { cpu: `${'0'.repeat(1e5)}.${'1'.repeat(1e5)}.` } } }),
  ],
  [
    'a field path',
    `POST ${pods}`,
    () => withContainer({ env: [{ name: 'a', valueFrom: { fieldRef: { fieldPath: "['".repeat(500_000) } } }] }),
  ],
  [
    'claims of resources',
    `POST ${pods}`,
    () => withContainer({ resources: { claims: numbers(30_000).map((i) => ({ name: `c${i}` })) } }),
  ],
  ['ports that collide', `POST ${pods}`, () => withContainer({ ports: numbers(40_000).map(() => ({ containerPort: 80 })) })],
  [
    'spread constraints',
    `POST ${pods}`,
    () => withContainer({}, { topologySpreadConstraints: numbers(20_000).map((i) => ({ topologyKey: `k${i}` })) }),
  ],
  ['JSON documents in YAML', `POST ${pods}`, () => '{}\n'.repeat(200_000), 'application/yaml'],
]

function withContainer(container: object, spec: object = {}): object {
  const containers = [{ name: 'main', image: 'a', ...container }]
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers, ...spec } }
}

/** Milliseconds that this thread, which serves, has worked. */
function processorTime(since: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(since)
  return (user + system) / 1000
}

for (const [what, line, body, contentType] of costly) {
  test(`the server is not held up by many ${what}`, async () => {
    await using cluster = await testCluster()
    await cluster.client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })
    await cluster.client.create(
      Pod,
      pod('a', { spec: { containers: [{ name: 'main', image: 'a', env: numbers(40_000).map((i) => ({ name: `v${i}` })) }] } }),
    )
    const sent = body()
    const before = process.threadCpuUsage()
    const { status } = await send(cluster.server, line, { body: sent, ...(contentType && { contentType }) })
    assert(status < 500, `${status}`)
    assert(processorTime(before) < 5_000, `${processorTime(before).toFixed()} ms`)
  })
}

test('a pod of many tolerations can be updated', async () => {
  await using cluster = await testCluster()
  const made = await cluster.client.create(
    Pod,
    pod('a', { spec: { tolerations: numbers(10_000).map((i) => ({ key: `k${i}`, operator: 'Exists' as const })) } }),
  )
  const before = process.threadCpuUsage()
  await cluster.client.patch(Pod, made, {
    type: 'merge',
    body: { metadata: { labels: { a: 'b' } }, spec: { activeDeadlineSeconds: 9 } },
  })
  assert(processorTime(before) < 5_000)
})

test('labels may be called like what every object inherits', async () => {
  await using cluster = await testCluster()
  const at = { name: 'a', namespace: 'default' }
  await cluster.client.create(ConfigMap, { metadata: { ...at, labels: { constructor: 'x' }, annotations: { valueOf: 'y' } } })
  await cluster.client.create(ConfigMap, { metadata: { ...at, name: 'b' } })
  const names = async (labelSelector: string) =>
    (await cluster.client.list(ConfigMap, { namespace: 'default', labelSelector })).items.map(({ metadata }) => metadata.name)
  assert.deepEqual(await names('constructor'), ['a'])
  assert.deepEqual(await names('!constructor'), ['b'])
  assert.deepEqual(await names('toString'), [])
})

test('field selectors may not be called like what every object inherits', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(Pod, pod('a'))
  for (const field of ['__proto__', 'constructor', 'toString']) {
    const { status, object } = await send(cluster.server, `GET ${pods}?fieldSelector=${field}%3Dx`)
    assert.equal(status, 400)
    assert.equal(object.message, `field label not supported: ${field}`)
  }
})

for (const [body, why] of [
  ['{"apiVersion":0}', 'cannot unmarshal number into Go struct field .apiVersion of type string'],
  ['{"kind":{}}', 'cannot unmarshal object into Go struct field .kind of type string'],
  ['true', 'cannot unmarshal bool into Go value of type'],
] as const) {
  test(`a body ${body} has no type`, async () => {
    await using cluster = await testCluster()
    const { status, object } = await send(cluster.server, `POST ${pods}`, { body })
    assert.equal(status, 400)
    assert(object.message.includes(why), object.message)
  })
}

test('an apply patch may have anything for a kind and a name', async () => {
  await using cluster = await testCluster()
  const call = (body: object) =>
    send(cluster.server, `PATCH ${pods}/a?fieldManager=m`, { body, contentType: 'application/apply-patch+yaml' })
  assert.equal((await call({ apiVersion: 'v1', kind: {} })).object.message, 'invalid object type: /v1, Kind=')
  const named = await call({ apiVersion: 'v1', kind: 'Pod', metadata: { name: {} } })
  assert.match(
    named.object.message,
    /^failed to create typed patch object \(\/; \/v1, Kind=Pod\): \.metadata\.name: expected string/,
  )
})

test('__proto__ in a body is a field that nobody knows', async () => {
  await using cluster = await testCluster()
  const body = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","__proto__":{"labels":{"x":"y"}}},"data":{"__proto__":"z"},"__proto__":{"immutable":true}}`
  const created = await send(cluster.server, 'POST /api/v1/namespaces/default/configmaps', { body })
  assert.equal(created.object.immutable, undefined)
  assert.equal(created.object.metadata.labels, undefined)
  assert.deepEqual(Object.entries(created.object.data), [['__proto__', 'z']])
  for (const [contentType, patch] of [
    ['application/merge-patch+json', '{"__proto__":{"polluted":"1"},"data":{"__proto__":"q"}}'],
    ['application/strategic-merge-patch+json', '{"data":{"__proto__":"r"}}'],
    ['application/json-patch+json', '[{"op":"add","path":"/__proto__/polluted","value":"1"}]'],
    ['application/json-patch+json', '[{"op":"add","path":"/constructor/prototype/polluted","value":"1"}]'],
    ['application/json-patch+json', '[{"op":"copy","from":"/data","path":"/data/__proto__"}]'],
  ] as const) {
    await send(cluster.server, 'PATCH /api/v1/namespaces/default/configmaps/a', { body: patch, contentType })
    assert.equal(({} as Record<string, unknown>).polluted, undefined, patch)
    assert.equal(Object.getPrototypeOf({}), Object.prototype)
  }
})
