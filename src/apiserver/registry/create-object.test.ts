import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { IPAddress } from '#api/networking/v1/ip-address.ts'
import type { Random } from '#lib/random.ts'
import type { StatusError } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { createObject } from './create-object.ts'
import type { WriteContext } from './write-context.ts'

/** Draws the ending `bbbbb` for `same` names, and others from there on. */
function repeating({ random }: TestCluster, same: number): { random: Random; draws: () => number } {
  let drawn = 0
  return { draws: () => drawn / 5, random: { ...random, next: () => (drawn++ < same * 5 ? 0 : 0.5) } }
}

async function collide(cluster: TestCluster, same: number) {
  const { random, draws } = repeating(cluster, same)
  const context = {
    registry: { ...cluster.server.registry, random },
    ...{ kind: ConfigMap, namespace: 'default', name: '', subresource: '', dryRun: false, options: {} },
    ...{ user: { name: 'u', groups: [] }, request: { auditId: 'a', user: { name: 'u', groups: [] } }, warn() {} },
  } as unknown as WriteContext
  const metadata = { generateName: 'job-', namespace: 'default' }
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata } as never
  const outcome = await createObject(context, object).then(
    (made) => made.object.metadata.name as string,
    (error: StatusError) => error.toStatus(),
  )
  return { outcome, attempts: draws() }
}

test('createObject() tries eight generated names', async () => {
  await using cluster = await testCluster()
  await cluster.client.create(ConfigMap, { metadata: { name: 'job-bbbbb', namespace: 'default' } })
  const last = await collide(cluster, 7)
  assert.deepEqual(last, { outcome: 'job-rrrrr', attempts: 8 })
  const { outcome, attempts } = await collide(cluster, 8)
  assert.equal(attempts, 8)
  assert(typeof outcome === 'object')
  const { code, reason, message, details } = outcome
  assert.deepEqual([code, reason], [409, 'AlreadyExists'])
  const why = 'the server was not able to generate a unique name for the object'
  assert.equal(message, `configmaps "job-bbbbb" already exists, ${why}`)
  assert.deepEqual(details, { name: 'job-bbbbb', kind: 'configmaps', retryAfterSeconds: 1 })
})

test('createObject() adds nothing to the generateName of a kind whose names mean something', async () => {
  await using cluster = await testCluster()
  const spec = { parentRef: { resource: 'services', namespace: 'default', name: 's' } }
  const { metadata } = await cluster.client.create(IPAddress, { metadata: { generateName: '10.96.0.9' }, spec } as never)
  assert.equal(metadata.name, '10.96.0.9')
})
