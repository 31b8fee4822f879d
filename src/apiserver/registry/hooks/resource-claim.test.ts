import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Namespace } from '#api/core/v1/namespace.ts'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { ResourceClaim, type ResourceClaimStatus } from '#api/resource/v1/resource-claim.ts'
import { ResourceClaimTemplate } from '#api/resource/v1/resource-claim-template.ts'
import { createClient } from '#client/typed-client.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { resourceClaimHooks } from './resource-claim.ts'

const one = { name: 'gpu', exactly: { deviceClassName: 'gpu' } }
const allocated: ResourceClaimStatus = {
  allocation: {
    devices: { results: [{ request: 'gpu', driver: 'gpu.example.com', pool: 'pool', device: 'gpu-0' }] },
    nodeSelector: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }] }],
    },
  },
} as never
const reported = { devices: [{ driver: 'gpu.example.com', pool: 'pool', device: 'gpu-0', conditions: [] }] }

test('resourceClaimHooks keep access beside others to namespaces that are marked for it', async () => {
  await using cluster = await testCluster({ hooks: resourceClaimHooks })
  const { client } = cluster
  await client.create(Namespace, { metadata: { name: 'admin', labels: { 'resource.kubernetes.io/admin-access': 'true' } } })
  const spec = { devices: { requests: [one, { name: 'spy', exactly: { deviceClassName: 'gpu', adminAccess: true } }] } }
  const why = (path: string) =>
    `${path}.devices.requests[1].adminAccess: Forbidden: admin access to devices requires the \`resource.kubernetes.io/admin-access: true\` label on the containing namespace`
  const metadata = (namespace: string) => ({ name: 'one', namespace })
  await assert.rejects(client.create(ResourceClaim, { metadata: metadata('default'), spec }), {
    message: `ResourceClaim.resource.k8s.io "one" is invalid: ${why('spec')}`,
  })
  await assert.rejects(client.create(ResourceClaimTemplate, { metadata: metadata('default'), spec: { spec } }), {
    message: `ResourceClaimTemplate.resource.k8s.io "one" is invalid: ${why('spec.spec')}`,
  })
  await client.create(ResourceClaim, { metadata: metadata('admin'), spec })
  await client.create(ResourceClaimTemplate, { metadata: metadata('admin'), spec: { spec } })
})

/** A user who may write the status of claims, and has these rights beside it. */
async function writer(cluster: TestCluster, name: string, rights: { resource: string; verbs: string[]; names?: string[] }[]) {
  const roleName = name.replaceAll(':', '-')
  const rule = (resource: string, verbs: string[], names?: string[]) => ({
    ...{ apiGroups: ['resource.k8s.io'], resources: [resource], verbs },
    ...(names && { resourceNames: names }),
  })
  await cluster.client.create(ClusterRole, {
    metadata: { name: roleName },
    rules: [
      rule('resourceclaims/status', ['update', 'patch']),
      rule('resourceclaims', ['get']),
      ...rights.map(({ resource, verbs, names }) => rule(resource, verbs, names)),
    ],
  })
  const apiGroup = 'rbac.authorization.k8s.io'
  await cluster.client.create(ClusterRoleBinding, {
    metadata: { name: roleName },
    subjects: [{ kind: 'User', apiGroup, name }],
    roleRef: { apiGroup, kind: 'ClusterRole', name: roleName },
  })
}

test('resourceClaimHooks let allocate and report whom that right was given', async () => {
  await using cluster = await testCluster({ hooks: resourceClaimHooks })
  const near = 'system:serviceaccount:kube-system:driver'
  await writer(cluster, 'anybody', [])
  await writer(cluster, 'allocator', [{ resource: 'resourceclaims/binding', verbs: ['patch'] }])
  const names = ['gpu.example.com']
  await writer(cluster, near, [{ resource: 'resourceclaims/driver', verbs: ['associated-node:patch'], names }])
  await writer(cluster, 'controller', [
    { resource: 'resourceclaims/driver', verbs: ['arbitrary-node:*', 'arbitrary-node:patch'], names },
  ])
  await cluster.client.create(ResourceClaim, {
    metadata: { name: 'one', namespace: 'default' },
    spec: { devices: { requests: [one] } },
  })
  const write = (name: string, status: object, node?: string) => {
    const extra = node && { extra: { 'authentication.kubernetes.io/node-name': [node] } }
    const body = { status }
    const key = { name: 'one', namespace: 'default' }
    const client = createClient(cluster.server.transportAs({ name, groups: ['system:authenticated'], ...extra }))
    return client.patch(ResourceClaim, key, { type: 'merge', body }, { subresource: 'status' })
  }

  const binding = `status: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="patch" permission: resourceclaims.resource.k8s.io is forbidden: User "anybody" cannot patch resource "resourceclaims/binding" in API group "resource.k8s.io" at the cluster scope`
  await assert.rejects(write('anybody', allocated), { message: `ResourceClaim.resource.k8s.io "one" is invalid: ${binding}` })
  await write('allocator', allocated)
  const report = (verbs: string, verb: string, user: string) =>
    `ResourceClaim.resource.k8s.io "one" is invalid: status.devices: Forbidden: changing status.devices requires resource="resourceclaims/driver", verb="[${verbs}]" permission: resourceclaims.resource.k8s.io "gpu.example.com" is forbidden: User "${user}" cannot ${verb} resource "resourceclaims/driver" in API group "resource.k8s.io" in the namespace "default"`
  await assert.rejects(write('allocator', reported), {
    message: report('arbitrary-node:patch', 'arbitrary-node:patch', 'allocator'),
  })
  await assert.rejects(write(near, reported, 'node-2'), {
    message: report('arbitrary-node:patch', 'arbitrary-node:patch', near),
  })
  await write(near, reported, 'node-1')
  await write(near, { devices: [] }, 'node-1')
  await write('controller', reported)
  await write('anybody', reported)
})

test('a claim whose devices are taken back forgets what was said of them', async () => {
  await using cluster = await testCluster()
  const { client } = cluster
  const key = { name: 'one', namespace: 'default' }
  await client.create(ResourceClaim, { metadata: key, spec: { devices: { requests: [one] } } })
  const write = (status: object) =>
    client.patch(ResourceClaim, key, { type: 'merge', body: { status } }, { subresource: 'status' })
  await write({ ...allocated, ...reported })
  const { status } = await write({ allocation: null })
  assert.deepEqual([status.allocation, status.devices], [undefined, undefined])
  const why = 'status.devices[0]: Invalid value: "gpu.example.com/pool/gpu-0": must be an allocated device in the claim'
  await assert.rejects(write(reported), { message: `ResourceClaim.resource.k8s.io "one" is invalid: ${why}` })
})
