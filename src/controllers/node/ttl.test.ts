import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { testCluster } from '#testing/cluster.ts'
import { node } from '#testing/make.ts'
import { planStep, ttlController } from './ttl.ts'

test('planStep() goes up at the upper border and down at the lower one', () => {
  let step = 0
  const steps = [0, 100, 101, 95, 89, 500, 501, 3000, 1799].map((nodes) => (step = planStep(step, nodes)))
  assert.deepEqual(steps, [0, 0, 1, 1, 0, 1, 2, 4, 3])
})

test('ttl-controller tells each node, and again where somebody else wrote nonsense', async () => {
  await using cluster = await testCluster({ controllers: [ttlController], policy: true })
  const { client } = cluster
  await client.create(Node, node('n1'))
  await cluster.settle()
  const key = 'node.alpha.kubernetes.io/ttl'
  const told = async () => (await client.get(Node, { name: 'n1' })).metadata.annotations?.[key]
  assert.equal(await told(), '0')
  await client.patch(Node, { name: 'n1' }, { type: 'merge', body: { metadata: { annotations: { [key]: 'x' } } } })
  await cluster.settle()
  assert.equal(await told(), '0')
  assert.deepEqual(cluster.errors, [])
})
