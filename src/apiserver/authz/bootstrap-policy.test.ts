import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { Role } from '#api/rbac/v1/role.ts'
import { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import { edit } from '#client/client.ts'
import { testCluster } from '#testing/cluster.ts'
import { bootstrapPolicy, controllerRole, reconcileBootstrapPolicy } from './bootstrap-policy.ts'

test('bootstrapPolicy() binds roles that it has', () => {
  const { clusterRoles, clusterRoleBindings, roles, roleBindings } = bootstrapPolicy()
  const names = new Set(clusterRoles.map(({ metadata }) => metadata?.name))
  assert.equal(names.size, clusterRoles.length)
  for (const { roleRef } of clusterRoleBindings) assert.ok(names.has(roleRef?.name), roleRef?.name)
  const local = new Set(roles.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`))
  for (const { roleRef, metadata } of roleBindings) assert.ok(local.has(`${metadata?.namespace}/${roleRef?.name}`), roleRef?.name)
})

test('bootstrapPolicy() lets nobody but the Node authorizer speak for nodes', () => {
  const binding = bootstrapPolicy().clusterRoleBindings.find(({ metadata }) => metadata?.name === 'system:node')
  assert.deepEqual(binding?.subjects, [])
})

test('reconcileBootstrapPolicy() is complete, and does nothing the second time', async () => {
  await using cluster = await testCluster()
  const { role, binding } = controllerRole('example', [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }])
  const policy = bootstrapPolicy({ clusterRoles: [role], clusterRoleBindings: [binding] })
  await reconcileBootstrapPolicy(cluster.client, policy)
  const all = async () => Promise.all([ClusterRole, ClusterRoleBinding, Role, RoleBinding].map((kind) => cluster.list<any>(kind)))
  const first = await all()
  assert.deepEqual(
    first.map(({ length }) => length),
    [policy.clusterRoles.length, policy.clusterRoleBindings.length, 7, 7],
  )
  await reconcileBootstrapPolicy(cluster.client, policy)
  assert.deepEqual(await all(), first)
})

test('reconcileBootstrapPolicy() adds what is missing and leaves alone what says so', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  await reconcileBootstrapPolicy(client)
  const extra = { verbs: ['list'], apiGroups: ['example.com'], resources: ['things'] }
  const change = async (name: string, over: object, autoupdate = 'true') => {
    const role = edit(await client.get(ClusterRole, { name }))
    Object.assign(role, over)
    role.metadata.annotations = { 'rbac.authorization.kubernetes.io/autoupdate': autoupdate }
    delete role.metadata.labels
    await client.update(ClusterRole, role)
  }
  await change('system:kube-dns', { rules: [extra] })
  await change('system:heapster', { rules: [] }, 'false')
  await change('view', { aggregationRule: undefined })
  const binding = edit(await client.get(ClusterRoleBinding, { name: 'system:discovery' }))
  await client.delete(ClusterRoleBinding, binding)
  await client.create(ClusterRoleBinding, {
    metadata: { name: 'system:discovery' },
    roleRef: { ...binding.roleRef, name: 'view' },
  })

  await reconcileBootstrapPolicy(client)
  const dns = await client.get(ClusterRole, { name: 'system:kube-dns' })
  assert.deepEqual(dns.rules, [extra, { verbs: ['list', 'watch'], apiGroups: [''], resources: ['endpoints', 'services'] }])
  assert.deepEqual(dns.metadata.labels, { 'kubernetes.io/bootstrapping': 'rbac-defaults' })
  assert.deepEqual((await client.get(ClusterRole, { name: 'system:heapster' })).rules, [])
  assert.equal((await client.get(ClusterRole, { name: 'view' })).aggregationRule?.clusterRoleSelectors?.length, 1)
  assert.equal((await client.get(ClusterRoleBinding, { name: 'system:discovery' })).roleRef.name, 'system:discovery')
})

test('reconcileBootstrapPolicy() may be cut off anywhere', async () => {
  await using cluster = await testCluster()
  let left = 0
  const limited = new Proxy(cluster.client, {
    get: (target, name) =>
      name === 'create'
        ? (...call: Parameters<typeof target.create>) =>
            left-- > 0 ? target.create(...call) : Promise.reject(new Error('cut off'))
        : Reflect.get(target, name),
  })
  for (left = 3; ; left = 17) {
    try {
      await reconcileBootstrapPolicy(limited)
      break
    } catch (error) {
      assert.match(String(error), /cut off/)
    }
  }
  assert.equal((await cluster.list(ClusterRole)).length, bootstrapPolicy().clusterRoles.length)
})
