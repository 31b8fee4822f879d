/** Simulated nodes that a cluster wants. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Node } from '#api/core/v1/node.ts'
import { testCluster } from '#testing/cluster.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'
import { changeWanted, readWanted, runSimulator } from './simulator.ts'
import { wantedAt, watchWanted } from './watch-wanted.ts'

test('runSimulator() makes the nodes that the cluster wants, and keeps what it has when the wish cannot be read', async () => {
  await using cluster = await testCluster()
  const { client, clock, random } = cluster
  const stop = new AbortController()
  const errors: unknown[] = []
  const asked: boolean[] = []
  const options = { client, clock, random, signal: stop.signal, onError: (error: unknown) => errors.push(error) }
  const names = async () => (await cluster.list(Node)).map(({ metadata }) => metadata.name)
  await watchWanted(options, (isWanted) => asked.push(isWanted))
  assert.equal(await readWanted(client), undefined)
  await changeWanted(client, { few: '2' })
  const running = runSimulator(options)
  await cluster.settle()
  assert.deepEqual(await names(), ['few-0', 'few-1'])
  await changeWanted(client, { few: '1', 'gpu.yaml': 'nodes: [{ name: gpu, resources: { example.com/gpu: 2 } }]' })
  await cluster.settle()
  assert.deepEqual(await names(), ['few-0', 'gpu-0'])
  await assert.rejects(changeWanted(client, { few: 'nodes: 3' }), /a list of shapes is wanted/)
  await client.patch(ConfigMap, wantedAt, { type: 'merge', body: { data: { few: 'nodes: 3' } } })
  await cluster.settle()
  assert.deepEqual(await names(), ['few-0', 'gpu-0'])
  assert.match(String(errors[0]), /a list of shapes is wanted/)
  await changeWanted(client, { few: null })
  await cluster.settle()
  assert.deepEqual(await names(), ['gpu-0'])
  await client.delete(ConfigMap, wantedAt)
  await cluster.settle()
  assert.deepEqual(await names(), [])
  assert.deepEqual([asked[0], asked.at(-1)], [true, false])
  stop.abort()
  await running
})
