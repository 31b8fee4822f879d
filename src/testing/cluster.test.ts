import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { hasReason } from '#schema/status-error.ts'
import { testCluster } from './cluster.ts'
import { pod } from './make.ts'

for (const transport of ['in-process', 'https'] as const) {
  test(`testCluster() over ${transport} creates, reads, changes, lists and deletes`, async () => {
    await using cluster = await testCluster({ transport })
    const { client } = cluster
    const made = await client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' }, data: { x: '1' } })
    assert.equal(made.metadata.name, 'a')
    assert(made.metadata.uid && made.metadata.resourceVersion)
    const read = await client.get(ConfigMap, made)
    assert.deepEqual(read, made)
    const changed = await client.update(ConfigMap, { ...made, data: { x: '2' } })
    assert.notEqual(changed.metadata.resourceVersion, made.metadata.resourceVersion)
    await assert.rejects(client.update(ConfigMap, { ...made, data: { x: '3' } }), (error) => hasReason(error, 'Conflict'))
    const patched = await client.patch(ConfigMap, made, { type: 'merge', body: { data: { y: '4' } } })
    assert.deepEqual(patched.data, { x: '2', y: '4' })
    assert.equal((await cluster.list(ConfigMap, 'default')).length, 1)
    await client.delete(ConfigMap, made)
    await assert.rejects(client.get(ConfigMap, made), (error) => hasReason(error, 'NotFound'))
  })

  test(`testCluster() over ${transport} watches`, async () => {
    await using cluster = await testCluster({ transport })
    const { client } = cluster
    const stop = new AbortController()
    const seen: string[] = []
    const watching = (async () => {
      for await (const batch of client.watch(Pod, { signal: stop.signal, namespace: 'default' })) {
        for (const { type, object } of batch) seen.push(`${type} ${object.metadata.name}`)
      }
    })()
    await cluster.settle()
    await client.create(Pod, pod('a'))
    await client.patch(Pod, { name: 'a', namespace: 'default' }, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } })
    await client.delete(Pod, { name: 'a', namespace: 'default' }, { gracePeriodSeconds: 0 })
    await cluster.settle()
    stop.abort()
    await watching
    assert.deepEqual(seen, ['ADDED a', 'MODIFIED a', 'MODIFIED a', 'DELETED a'])
  })
}
