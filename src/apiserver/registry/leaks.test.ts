import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { testCluster } from '#testing/cluster.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

test('rows beside the cache, such as those of deletions, are let go with what was made of them', async () => {
  await using cluster = await testCluster()
  const storage = await cluster.server.registry.storage(ConfigMap)
  const metadata = { name: 'a', namespace: 'default' }
  await cluster.client.create(ConfigMap, { metadata })
  const look = async () => {
    const entry = await storage.get(storage.keyOf('default', 'a'))
    assert(entry)
    const value = entry.row.value.slice()
    const last = storage.lastState({ ...entry.row, value }, entry.row.revision + 1)
    assert.equal(last.object.metadata.name, 'a')
    assert(last.bytes.length > 0)
    return new WeakRef(value)
  }
  const value = await look()
  await cluster.settle()
  collect()
  assert.equal(value.deref(), undefined)
})
