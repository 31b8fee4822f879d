import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { StorageVersionMigration } from '#api/storagemigration/v1beta1/storage-version-migration.ts'
import { testCluster } from '#testing/cluster.ts'
import { storageVersionMigrator } from './storage-version-migrator.ts'

const ask = (name: string, group: string, resource: string) => ({ metadata: { name }, spec: { resource: { group, resource } } })

test('storage-version-migrator writes every object of a resource once, and says so', async () => {
  await using cluster = await testCluster({
    controllers: [storageVersionMigrator],
    kinds: [StorageVersionMigration],
    policy: true,
  })
  const { client } = cluster
  for (const name of ['a', 'b']) await client.create(ConfigMap, { metadata: { name, namespace: 'default' }, data: { x: '1' } })
  await client.create(StorageVersionMigration, ask('maps', '', 'configmaps'))
  await client.create(StorageVersionMigration, ask('none', 'example.com', 'nothings'))
  await cluster.settle()
  const state = async (name: string) => {
    const { status } = await client.get(StorageVersionMigration, { name })
    return status.conditions?.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`)
  }
  assert.deepEqual(await state('maps'), [
    'Running False StorageVersionMigrationInProgress',
    'Succeeded True StorageVersionMigrationSucceeded',
  ])
  assert.match((await client.get(StorageVersionMigration, { name: 'maps' })).status.resourceVersion ?? '', /^\d+$/)
  assert.equal(await state('none'), undefined)
  await cluster.advance(61_000)
  assert.deepEqual(await state('none'), ['Failed True StorageVersionMigrationFailed'])
  assert.deepEqual((await client.get(ConfigMap, { name: 'a', namespace: 'default' })).data, { x: '1' })
  assert.deepEqual(cluster.errors, [])
})
