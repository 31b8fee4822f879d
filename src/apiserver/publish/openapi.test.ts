import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { ReplicaSet } from '#api/apps/v1/replica-set.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import type { Kind } from '#schema/kind.ts'
import { hasReason } from '#schema/status-error.ts'
import type { Request, Stage } from '../request.ts'
import { openApiStages } from './openapi.ts'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly bytes: Uint8Array
}

async function ask(
  stages: readonly Stage[],
  url: string,
  { method = 'GET', ...headers }: Record<string, string> = {},
): Promise<Answer | 'next'> {
  const { pathname, searchParams } = new URL(url, 'https://server')
  const request = { method, path: pathname, query: searchParams, headers } as unknown as Request
  const [stage] = stages as [Stage]
  const answer = await stage(request, async () => ({ type: 'upgraded' }))
  return answer.type === 'bytes' ? answer : 'next'
}

async function got(stages: readonly Stage[], url: string, headers?: Record<string, string>): Promise<Answer> {
  const answer = await ask(stages, url, headers)
  assert(answer !== 'next', `${url} must be answered`)
  return answer
}

const json = ({ bytes }: Answer): any => JSON.parse(Buffer.from(bytes).toString())
const served = () => openApiStages(() => [ConfigMap, Deployment, ReplicaSet])

test('openApiStages() lists the documents with a hash each', async () => {
  const stages = served()
  const { paths } = json(await got(stages, '/openapi/v3'))
  assert.deepEqual(Object.keys(paths), ['api/v1', 'apis/apps/v1'])
  const { serverRelativeURL } = paths['apis/apps/v1']
  assert.match(serverRelativeURL, /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]{128}$/)

  const document = await got(stages, serverRelativeURL)
  assert.equal(document.headers['cache-control'], 'public, immutable, max-age=31536000')
  assert.equal(document.headers.etag, `"${serverRelativeURL.split('=')[1]}"`)
  assert.equal(json(document).openapi, '3.0.0')
})

test('openApiStages() lets documents without a hash be checked, not kept', async () => {
  const stages = served()
  const { headers } = await got(stages, '/openapi/v3/api/v1')
  assert.equal(headers['cache-control'], undefined)
  const again = await got(stages, '/openapi/v3/api/v1', { 'if-none-match': headers.etag as string })
  assert.equal(again.status, 304)
  assert.equal(again.bytes.length, 0)
})

test('openApiStages() sends a client with an old hash to the new one', async () => {
  const { status, headers } = await got(served(), '/openapi/v3/api/v1?hash=OLD')
  assert.equal(status, 301)
  assert.match(headers.location as string, /^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{128}$/)
})

const protobuf = [
  [
    '/openapi/v2',
    'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
    'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  ],
  [
    '/openapi/v2',
    'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
  ],
  [
    '/openapi/v3/api/v1',
    'application/com.github.proto-openapi.spec.v3@v1.0+protobuf',
    'application/com.github.proto-openapi.spec.v3.v1.0+protobuf',
  ],
] as const
for (const [path, accept, type] of protobuf) {
  test(`openApiStages() sends ${path} as ${accept}`, async () => {
    const { headers, bytes } = await got(served(), path, { accept })
    assert.equal(headers['content-type'], type)
    assert.equal(bytes[0], 0x0a, 'field 1, the version, as text')
  })
}

test('openApiStages() sends JSON to who accepts anything, and nothing to who accepts only others', async () => {
  const stages = served()
  const { headers, bytes } = await got(stages, '/openapi/v2', { accept: 'text/html, */*;q=0.1' })
  assert.equal(headers['content-type'], 'application/json')
  assert.equal(json({ status: 200, headers, bytes }).swagger, '2.0')
  await assert.rejects(ask(stages, '/openapi/v2', { accept: 'text/html' }), (error) => hasReason(error, 'NotAcceptable'))
})

test('openApiStages() makes a document anew when its kinds have changed, and only that one', async () => {
  let kinds: Kind[] = [ConfigMap, Deployment]
  const stages = openApiStages(() => kinds)
  const before = json(await got(stages, '/openapi/v3')).paths
  kinds = [ConfigMap, Deployment, ReplicaSet]
  const after = json(await got(stages, '/openapi/v3')).paths
  assert.deepEqual(after['api/v1'], before['api/v1'])
  assert.notDeepEqual(after['apis/apps/v1'], before['apis/apps/v1'])
  assert.ok(json(await got(stages, '/openapi/v2')).definitions['io.k8s.api.apps.v1.ReplicaSet'])
})

test('openApiStages() leaves other paths and methods to the next stage', async () => {
  const stages = served()
  for (const path of ['/openapi', '/openapi/v1', '/openapi/v3/apis/batch/v1', '/openapi/v3/apis/apps', '/api/v1/pods']) {
    assert.equal(await ask(stages, path), 'next', path)
  }
  assert.equal(await ask(stages, '/openapi/v2', { method: 'POST' }), 'next')
  assert.equal((await got(stages, '/openapi/v2', { method: 'HEAD' })).bytes.length, 0)
})
