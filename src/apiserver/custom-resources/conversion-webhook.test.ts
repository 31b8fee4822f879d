import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { send } from '#testing/send.ts'
import { type TlsBackend, tlsBackend } from '#testing/tls-backend.ts'

const group = 'example.com'
const base = (version: string) => `/apis/${group}/${version}/namespaces/default/hosts` as const

let hook: TlsBackend
let cluster: TestCluster
/** Changes what the webhook answers. */
let spoil: (review: any) => void = () => {}
let calls = 0
/** The webhook answers after this. */
let held: Promise<void> | undefined

/** v1 has `hostPort`, v2 has `host` and `port`. */
function convert(object: any, desiredAPIVersion: string): any {
  const { spec, ...rest } = object
  const [host, port] = (spec.hostPort ?? '').split(':')
  const converted = desiredAPIVersion.endsWith('v2') ? { host, port } : { hostPort: `${spec.host}:${spec.port}` }
  return { ...rest, apiVersion: desiredAPIVersion, spec: converted }
}

async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
  calls++
  await held
  const { request, ...review } = JSON.parse(Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>)).toString())
  const convertedObjects = request.objects.map((object: any) => convert(object, request.desiredAPIVersion))
  const result: any = { ...review, response: { uid: request.uid, result: { status: 'Success' }, convertedObjects } }
  spoil(result)
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result))
}

before(async () => {
  hook = await tlsBackend(answer)
  cluster = await testCluster({ serviceDialer: { dial: () => hook.dial() } })
  const text = { type: 'string' }
  const schema = (properties: object) => ({
    openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } },
  })
  const webhook = {
    clientConfig: { service: { namespace: 'default', name: 'hook', path: '/convert' }, caBundle: hook.caBundle },
    conversionReviewVersions: ['v1'],
  }
  const body = {
    metadata: { name: `hosts.${group}` },
    spec: {
      ...{ group, scope: 'Namespaced', names: { plural: 'hosts', kind: 'Host' } },
      versions: [
        { name: 'v1', served: true, storage: true, schema: schema({ hostPort: text }) },
        { name: 'v2', served: true, storage: false, schema: schema({ host: text, port: text }) },
      ],
      conversion: { strategy: 'Webhook', webhook },
    },
  }
  const { status, object } = await send(cluster.server, 'POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body })
  assert.equal(status, 201, JSON.stringify(object))
  await cluster.settle()
  const host = { metadata: { name: 'a' }, spec: { hostPort: 'h:80' } }
  assert.equal((await send(cluster.server, `POST ${base('v1')}`, { body: host })).status, 201)
})

after(async () => {
  await cluster[Symbol.asyncDispose]()
  await hook[Symbol.asyncDispose]()
})

test('objects are read in the version that is asked for, and converted once while they stay', async () => {
  calls = 0
  const read = await send(cluster.server, `GET ${base('v2')}/a`)
  assert.deepEqual([read.status, read.object.apiVersion, read.object.spec], [200, `${group}/v2`, { host: 'h', port: '80' }])
  const listed = await send(cluster.server, `GET ${base('v2')}`)
  assert.deepEqual(listed.object.items[0].spec, { host: 'h', port: '80' })
  assert.equal(calls, 1)
})

test('objects are written in any version and stored in one', async () => {
  const body = { metadata: { name: 'b' }, spec: { host: 'x', port: '1' } }
  const made = await send(cluster.server, `POST ${base('v2')}`, { body })
  assert.deepEqual([made.status, made.object.spec], [201, body.spec])
  assert.deepEqual((await send(cluster.server, `GET ${base('v1')}/b`)).object.spec, { hostPort: 'x:1' })
  const patch = { body: { spec: { port: '2' } }, contentType: 'application/merge-patch+json' }
  assert.equal((await send(cluster.server, `PATCH ${base('v2')}/b`, patch)).status, 200)
  assert.deepEqual((await send(cluster.server, `GET ${base('v1')}/b`)).object.spec, { hostPort: 'x:2' })
})

test('a watch tells objects in its version, in their order', async () => {
  const signal = new AbortController()
  const { response } = await send(
    cluster.server,
    `GET ${base('v2')}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    { signal: signal.signal },
  )
  assert.equal(response.type, 'watch')
  if (response.type !== 'watch') return
  await send(cluster.server, `POST ${base('v1')}`, { body: { metadata: { name: 'c' }, spec: { hostPort: 'c:3' } } })
  const seen: string[] = []
  for await (const batch of response.events) {
    for (const { type, object } of batch as readonly any[])
      seen.push(`${type} ${object.metadata.name ?? ''} ${JSON.stringify(object.spec ?? {})}`)
    if (seen.at(-1)?.includes(' c ')) break
  }
  signal.abort()
  assert.deepEqual(seen, [
    'ADDED a {"host":"h","port":"80"}',
    'ADDED b {"host":"x","port":"2"}',
    'BOOKMARK  {}',
    'ADDED c {"host":"c","port":"3"}',
  ])
})

test('a bookmark of a watch waits for the events before it that are still being converted', { timeout: 10_000 }, async ({
  signal,
}) => {
  const stop = new AbortController()
  const { promise, resolve: release } = Promise.withResolvers<void>()
  const path = `GET ${base('v2')}?watch=true&resourceVersion=0&allowWatchBookmarks=true` as const
  const { response } = await send(cluster.server, path, { signal: stop.signal })
  assert.ok(response.type === 'watch')
  const seen: string[] = []
  const reading = (async () => {
    for await (const batch of response.events)
      for (const { type, object } of batch as readonly any[]) seen.push(`${type} ${object.metadata.name ?? ''}`)
  })()
  await cluster.settle()
  seen.length = 0
  held = promise
  await send(cluster.server, `POST ${base('v1')}`, { body: { metadata: { name: 'slow' }, spec: { hostPort: 's:4' } } })
  await cluster.advance(61_000)
  assert.deepEqual(seen, [])
  release()
  held = undefined
  while (seen.length < 2) {
    signal.throwIfAborted()
    await new Promise(setImmediate)
  }
  assert.deepEqual(seen, ['ADDED slow', 'BOOKMARK '])
  stop.abort()
  await reading.catch(() => {})
})

const about = `conversion webhook for ${group}/v1, Kind=Host`
const spoiled: readonly [string, (review: any) => void, string][] = [
  ['another uid', ({ response }) => (response.uid = 'x'), `${about} failed: expected response.uid=`],
  ['a failure', ({ response }) => (response.result = { status: 'Failure', message: 'no way' }), `${about} failed: no way`],
  ['too few objects', ({ response }) => (response.convertedObjects = []), `${about} returned 0 objects, expected 1`],
  [
    'another name',
    ({ response }) => (response.convertedObjects[0].metadata.name = 'z'),
    `${about} returned invalid converted object at index 0: must have the same name: `,
  ],
  [
    'another version',
    ({ response }) => (response.convertedObjects[0].apiVersion = 'v9'),
    `${about} returned invalid converted object at index 0: invalid groupVersion (expected ${group}/v2, received v9)`,
  ],
]

for (const [i, [name, change, text]] of spoiled.entries()) {
  test(`an answer with ${name} is refused`, async () => {
    await send(cluster.server, `POST ${base('v1')}`, { body: { metadata: { name: `bad-${i}` }, spec: { hostPort: 'h:1' } } })
    spoil = change
    const { status, object } = await send(cluster.server, `GET ${base('v2')}/bad-${i}`)
    spoil = () => {}
    assert.equal(status, 500)
    assert.ok(object.message.startsWith(text), object.message)
    assert.equal((await send(cluster.server, `DELETE ${base('v1')}/bad-${i}`)).status, 200)
  })
}
