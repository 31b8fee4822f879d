import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { type PolicyRule, Role } from '#api/rbac/v1/role.ts'
import { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import { edit } from '#client/client.ts'
import { testCluster } from '#testing/cluster.ts'

const group = 'rbac.authorization.k8s.io'
const rule = (verbs: string[], apiGroup: string, resources: string[], resourceNames?: string[]): PolicyRule => ({
  ...{ verbs, apiGroups: [apiGroup], resources },
  ...(resourceNames && { resourceNames }),
})
const writeRoles = rule(['get', 'create', 'update'], group, ['roles', 'rolebindings', 'clusterroles'])

/** A cluster in which `ann` holds these rules. */
async function bed(...rules: PolicyRule[]) {
  const cluster = await testCluster()
  const { client } = cluster
  await client.create(ClusterRole, { metadata: { name: 'ann' }, rules })
  await client.create(ClusterRoleBinding, {
    metadata: { name: 'ann' },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'ann' },
    subjects: [{ kind: 'User', apiGroup: group, name: 'ann' }],
  })
  return {
    cluster,
    client,
    ann: cluster.clientAs({ name: 'ann', groups: [] }),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  }
}

const role = (...rules: PolicyRule[]) => ({ metadata: { name: 'r', namespace: 'default' }, rules })
const binding = (name: string) => ({
  metadata: { name: 'b', namespace: 'default' },
  roleRef: { apiGroup: group, kind: 'ClusterRole', name },
  subjects: [{ kind: 'User', apiGroup: group, name: 'zoe' }],
})
const missing =
  'is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'

test('roles can be written up to what the writer holds', async () => {
  await using at = await bed(writeRoles, rule(['get'], '', ['pods']))
  await at.ann.create(Role, role(rule(['get'], '', ['pods'])))
  const message = `roles.rbac.authorization.k8s.io "r" is forbidden: user "ann" (groups=["system:authenticated"]) ${missing}`
  const current = edit(await at.client.get(Role, { name: 'r', namespace: 'default' }))
  await assert.rejects(at.ann.update(Role, { ...current, rules: [rule(['get'], '', ['secrets'])] }), { message })
})

test('`escalate` lifts the limit, and so does metadata alone', async () => {
  await using at = await bed(rule(['create', 'get', 'update', 'escalate'], group, ['roles']))
  await at.ann.create(Role, role(rule(['get'], '', ['secrets'])))
  await using other = await bed(writeRoles)
  const made = edit(await other.client.create(Role, role(rule(['get'], '', ['secrets']))))
  made.metadata.labels = { a: 'b' }
  assert.deepEqual((await other.ann.update(Role, made)).metadata.labels, { a: 'b' })
})

test('roles can be bound by those who hold them or may bind them', async () => {
  await using at = await bed(rule(['create'], group, ['rolebindings']), rule(['bind'], group, ['clusterroles'], ['free']))
  const secrets = rule(['get'], '', ['secrets'])
  await at.client.create(ClusterRole, { metadata: { name: 'free' }, rules: [secrets] })
  await at.client.create(ClusterRole, { metadata: { name: 'guarded' }, rules: [secrets] })
  await at.ann.create(RoleBinding, binding('free'))
  await assert.rejects(at.ann.create(RoleBinding, { ...binding('guarded'), metadata: { name: 'c', namespace: 'default' } }), {
    message: `rolebindings.rbac.authorization.k8s.io "c" is forbidden: user "ann" (groups=["system:authenticated"]) ${missing}`,
  })
  await assert.rejects(at.ann.create(RoleBinding, { ...binding('gone'), metadata: { name: 'd', namespace: 'default' } }), {
    message: 'clusterrole.rbac.authorization.k8s.io "gone" not found',
  })
})

test('only who may do everything may aggregate', async () => {
  await using at = await bed(writeRoles)
  const aggregated = {
    metadata: { name: 'agg' },
    rules: [],
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
  }
  await assert.rejects(at.ann.create(ClusterRole, aggregated), {
    message:
      'clusterroles.rbac.authorization.k8s.io "agg" is forbidden: must have cluster-admin privileges to use an aggregationRule',
  })
  assert.ok(await at.client.create(ClusterRole, aggregated))
})
