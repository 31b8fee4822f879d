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

/** Facts of upstream's `testdata/cluster-roles.yaml`: verbs, groups or paths, resources. */
const facts: Readonly<Record<string, readonly string[]>> = {
  'system:monitoring': [
    'get /healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*',
    'get /flagz',
    'get /statusz',
  ],
  'system:kubelet-api-admin': [
    'get,list,watch - nodes',
    'proxy - nodes',
    '* - nodes/log,nodes/metrics,nodes/proxy,nodes/stats',
    '* - nodes/configz,nodes/healthz,nodes/pods',
  ],
  'system:service-account-issuer-discovery': [
    'get /.well-known/openid-configuration,/.well-known/openid-configuration/,/openid/v1/jwks,/openid/v1/jwks/',
  ],
  'system:node-proxier': [
    'list,watch - endpoints,services',
    'get,list,watch - nodes',
    'create,patch,update -,events.k8s.io events',
    'list,watch discovery.k8s.io endpointslices',
    'list,watch networking.k8s.io servicecidrs',
  ],
  'system:node': [
    'create authentication.k8s.io tokenreviews',
    'create authorization.k8s.io localsubjectaccessreviews,subjectaccessreviews',
    'get,list,watch - services',
    'create,get,list,watch - nodes',
    'patch,update - nodes/status',
    'patch,update - nodes',
    'create,patch,update - events',
    'get,list,watch - pods',
    'create,delete - pods',
    'patch,update - pods/status',
    'create - pods/eviction',
    'get,list,watch - configmaps,secrets',
    'get - persistentvolumeclaims,persistentvolumes',
    'get - endpoints',
    'create,get,list,watch certificates.k8s.io certificatesigningrequests',
    'create,delete,get,patch,update coordination.k8s.io leases',
    'get storage.k8s.io volumeattachments',
    'create - serviceaccounts/token',
    'get,patch,update - persistentvolumeclaims/status',
    'get,list,watch storage.k8s.io csidrivers',
    'create,delete,get,patch,update storage.k8s.io csinodes',
    'get,list,watch node.k8s.io runtimeclasses',
    'get resource.k8s.io resourceclaims',
    'deletecollection resource.k8s.io resourceslices',
    'get - serviceaccounts',
  ],
  'system:kube-scheduler': [
    'create,patch,update -,events.k8s.io events',
    'create coordination.k8s.io leases',
    'get,update coordination.k8s.io leases kube-scheduler',
    'get,list,watch - nodes',
    'delete,get,list,watch - pods',
    'create - bindings,pods/binding',
    'patch,update - pods/status',
    'get,list,watch - replicationcontrollers,services',
    'get,list,watch apps,extensions replicasets',
    'get,list,watch apps statefulsets',
    'get,list,watch policy poddisruptionbudgets',
    'get,list,watch - persistentvolumeclaims,persistentvolumes',
    'create authentication.k8s.io tokenreviews',
    'create authorization.k8s.io subjectaccessreviews',
    'get,list,watch storage.k8s.io csinodes',
    'get,list,watch - namespaces',
    'get,list,watch storage.k8s.io csidrivers',
    'get,list,watch storage.k8s.io csistoragecapacities',
    'get,list,watch storage.k8s.io volumeattachments',
    'get,list,watch resource.k8s.io deviceclasses',
    'get,list,patch,update,watch resource.k8s.io resourceclaims',
    'create,delete resource.k8s.io resourceclaims',
    'get,list,patch,update,watch resource.k8s.io resourceclaims/status',
    'patch,update resource.k8s.io resourceclaims/binding',
    'get,list,patch,update,watch - pods/finalizers',
    'get,list,watch resource.k8s.io resourceslices',
  ],
}
for (const [name, rules] of Object.entries(facts)) {
  test(`bootstrapPolicy() gives ${name} what upstream gives it`, () => {
    const role = bootstrapPolicy().clusterRoles.find(({ metadata }) => metadata?.name === name)
    const shown = (role?.rules ?? []).map(
      ({ verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs }) =>
        nonResourceURLs
          ? `${verbs} ${nonResourceURLs}`
          : [verbs, apiGroups.map((group) => group || '-'), resources, resourceNames]
              .filter(({ length }) => length > 0)
              .join(' '),
    )
    assert.deepEqual([...shown].sort(), [...rules].sort())
  })
}

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
