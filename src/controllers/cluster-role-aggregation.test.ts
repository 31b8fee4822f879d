import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { testCluster } from '#testing/cluster.ts'
import { clusterRoleAggregationController } from './cluster-role-aggregation.ts'

const rule = (resource: string) => ({ apiGroups: [''], resources: [resource], verbs: ['get'] })
const labels = { part: 'yes' }

test('clusterRoleAggregationController collects rules in the order of names, each once, and follows changes', async () => {
  await using cluster = await testCluster({ controllers: [clusterRoleAggregationController], policy: true })
  const { client } = cluster
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: labels }] }
  await client.create(ClusterRole, { metadata: { name: 'whole', labels }, aggregationRule })
  await client.create(ClusterRole, { metadata: { name: 'b', labels }, rules: [rule('pods'), rule('nodes')] })
  await client.create(ClusterRole, { metadata: { name: 'a', labels }, rules: [rule('secrets'), rule('pods')] })
  await client.create(ClusterRole, { metadata: { name: 'other' }, rules: [rule('services')] })
  await cluster.settle()
  const rules = async () => (await client.get(ClusterRole, { name: 'whole' })).rules.map(({ resources }) => resources?.[0])
  assert.deepEqual(await rules(), ['secrets', 'pods', 'nodes'])
  await client.delete(ClusterRole, { name: 'a' })
  await cluster.settle()
  assert.deepEqual(await rules(), ['pods', 'nodes'])
  assert.ok((await client.get(ClusterRole, { name: 'view' })).rules.length > 5)
  assert.deepEqual(cluster.errors, [])
})
