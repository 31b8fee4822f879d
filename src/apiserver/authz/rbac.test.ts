import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClusterRole } from '#api/rbac/v1/cluster-role.ts'
import { ClusterRoleBinding } from '#api/rbac/v1/cluster-role-binding.ts'
import { type PolicyRule, Role } from '#api/rbac/v1/role.ts'
import { RoleBinding } from '#api/rbac/v1/role-binding.ts'
import { listerOf } from '#testing/lister.ts'
import { forbiddenRequest, unionAuthorizer } from './authorize.ts'
import type { Attributes, Authorizer, Decision } from './authorizer.ts'
import { escalation } from './escalation.ts'
import { rbacAuthorizer } from './rbac.ts'
import { compact, ruleText, uncovered } from './rule-cover.ts'
import { ruleAllows } from './rule-match.ts'
import { systemMastersAuthorizer } from './system-masters.ts'

const user = { name: 'ann', groups: ['dev', 'system:authenticated'] }

function ask(over: Partial<Attributes>): Attributes {
  const base = {
    verb: 'get',
    isResource: true,
    path: '',
    group: '',
    version: 'v1',
    resource: 'pods',
    subresource: '',
    namespace: 'shop',
    name: '',
  }
  return { user, ...base, ...over }
}

const path = (verb: string, at: string) => ask({ isResource: false, verb, path: at, resource: '', namespace: '' })

test('ruleAllows() matches verbs, groups, resources, names and paths', () => {
  const pods: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }
  const cases: [PolicyRule, Attributes, boolean][] = [
    [pods, ask({}), true],
    [pods, ask({ verb: 'delete' }), false],
    [pods, ask({ group: 'apps' }), false],
    [pods, ask({ subresource: 'log' }), false],
    [{ ...pods, verbs: ['*'] }, ask({ verb: 'delete' }), true],
    [{ ...pods, apiGroups: ['*'] }, ask({ group: 'metrics.k8s.io' }), true],
    [{ ...pods, resources: ['pods/log'] }, ask({ subresource: 'log' }), true],
    [{ ...pods, resources: ['pods/log'] }, ask({}), false],
    [{ ...pods, resources: ['*/log'] }, ask({ subresource: 'log' }), true],
    [{ ...pods, resources: ['*/scale'] }, ask({ subresource: 'log' }), false],
    [{ ...pods, resources: ['*/scale'] }, ask({}), false],
    [{ ...pods, resources: ['*'] }, ask({ subresource: 'exec' }), true],
    [{ ...pods, resourceNames: ['web'] }, ask({ name: 'web' }), true],
    [{ ...pods, resourceNames: ['web'] }, ask({ name: 'db' }), false],
    [{ ...pods, resourceNames: ['web'] }, ask({ verb: 'list' }), false],
    [pods, path('get', '/healthz'), false],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }, path('get', '/healthz'), true],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }, path('get', '/healthz/etcd'), false],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz/*'] }, path('get', '/healthz/etcd'), true],
    [{ verbs: ['get'], nonResourceURLs: ['*'] }, path('get', '/anything'), true],
    [{ verbs: ['get'], nonResourceURLs: ['*'] }, ask({}), false],
  ]
  for (const [rule, attributes, expected] of cases) {
    assert.equal(ruleAllows(rule, attributes), expected, JSON.stringify([rule, attributes.path || attributes.resource]))
  }
})

const read: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] }
const ref = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name })
const subject = (kind: string, name: string, namespace?: string) => ({ kind, name, ...(namespace && { namespace }) })

function bed() {
  const bindings: object[] = [
    { metadata: { name: 'everywhere' }, roleRef: ref('ClusterRole', 'reader'), subjects: [subject('Group', 'ops')] },
    { metadata: { name: 'broken' }, roleRef: ref('ClusterRole', 'gone'), subjects: [subject('User', 'eve')] },
  ]
  const lister = listerOf(
    [ClusterRole, [{ metadata: { name: 'reader' }, rules: [read] }]],
    [Role, [{ metadata: { name: 'local', namespace: 'shop' }, rules: [read] }]],
    [ClusterRoleBinding, bindings],
    [
      RoleBinding,
      [
        {
          metadata: { name: 'b', namespace: 'shop' },
          roleRef: ref('Role', 'local'),
          subjects: [subject('User', 'ann'), subject('ServiceAccount', 'ci')],
        },
        {
          metadata: { name: 'c', namespace: 'shop' },
          roleRef: ref('ClusterRole', 'reader'),
          subjects: [subject('ServiceAccount', 'bot', 'other')],
        },
      ],
    ],
  )
  const authorizer = rbacAuthorizer({ lister })
  return { lister, bindings, decide: (over: Partial<Attributes>) => authorizer.authorize(ask(over)) as Decision, authorizer }
}

const named = (name: string, ...groups: string[]) => ({ name, groups })

test('rbacAuthorizer() says by which binding it allows', () => {
  const { decide } = bed()
  const reason = (over: Partial<Attributes>) => decide(over).reason
  assert.equal(reason({}), 'RBAC: allowed by RoleBinding "b/shop" of Role "local" to User "ann"')
  assert.equal(
    reason({ user: named('bob', 'ops') }),
    'RBAC: allowed by ClusterRoleBinding "everywhere" of ClusterRole "reader" to Group "ops"',
  )
  assert.equal(
    reason({ user: named('system:serviceaccount:shop:ci') }),
    'RBAC: allowed by RoleBinding "b/shop" of Role "local" to ServiceAccount "ci/shop"',
  )
  assert.equal(
    reason({ user: named('system:serviceaccount:other:bot') }),
    'RBAC: allowed by RoleBinding "c/shop" of ClusterRole "reader" to ServiceAccount "bot/other"',
  )
})

test('rbacAuthorizer() has no opinion on what no binding grants', () => {
  const { decide } = bed()
  assert.deepEqual(decide({ namespace: 'other' }), { verdict: 'noOpinion' })
  assert.deepEqual(decide({ verb: 'delete' }), { verdict: 'noOpinion' })
  assert.deepEqual(decide({ user: named('system:serviceaccount:other:ci') }), { verdict: 'noOpinion' })
  assert.deepEqual(decide({ user: named('eve') }), {
    verdict: 'noOpinion',
    reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
  })
})

test('rbacAuthorizer() sees a new binding at once', () => {
  const { decide, bindings } = bed()
  assert.equal(decide({ user: named('zoe') }).verdict, 'noOpinion')
  bindings.push({ metadata: { name: 'zoe' }, roleRef: ref('ClusterRole', 'reader'), subjects: [subject('User', 'zoe')] })
  assert.equal(decide({ user: named('zoe') }).verdict, 'allow')
})

test('rbacAuthorizer() lists what a user may do', () => {
  assert.deepEqual(bed().authorizer.rules?.(named('ann', 'ops'), 'shop'), { resource: [read, read], nonResource: [] })
})

test('unionAuthorizer() takes the first opinion and keeps the reasons of those without', async () => {
  const fixed = (decision: Decision, delayed = false): Authorizer => ({
    name: 'fixed',
    authorize: () => (delayed ? Promise.resolve(decision) : decision),
  })
  const no = (reason: string, delayed = false) => fixed({ verdict: 'noOpinion', reason }, delayed)
  const union = (...parts: Authorizer[]) => unionAuthorizer(parts).authorize(ask({}))
  assert.deepEqual(union(no('a'), no('b')), { verdict: 'noOpinion', reason: 'a\nb' })
  assert.deepEqual(await union(no('a'), no('b', true), no('c')), { verdict: 'noOpinion', reason: 'a\nb\nc' })
  assert.equal((await union(no('a', true), fixed({ verdict: 'allow' }))).verdict, 'allow')
  assert.equal((union(fixed({ verdict: 'deny', reason: 'x' }), fixed({ verdict: 'allow' })) as Decision).verdict, 'deny')
  assert.equal((union(systemMastersAuthorizer) as Decision).verdict, 'noOpinion')
})

test('forbiddenRequest() words the refusal as upstream does', () => {
  const cases: [Attributes, string, string][] = [
    [
      ask({ verb: 'list', namespace: 'default' }),
      '',
      'pods is forbidden: User "ann" cannot list resource "pods" in API group "" in the namespace "default"',
    ],
    [
      ask({ group: 'apps', resource: 'deployments', subresource: 'scale', name: 'web', namespace: '' }),
      'no',
      'deployments.apps "web" is forbidden: User "ann" cannot get resource "deployments/scale" in API group "apps" at the cluster scope: no',
    ],
    [path('get', '/metrics'), '', 'forbidden: User "ann" cannot get path "/metrics"'],
    [
      ask({ user: named('<b>') }),
      '',
      'pods is forbidden: User "&lt;b&gt;" cannot get resource "pods" in API group "" in the namespace "shop"',
    ],
  ]
  for (const [attributes, reason, message] of cases) assert.equal(forbiddenRequest(attributes, reason).message, message)
})

test('uncovered() finds what is not held', () => {
  const rule = (verbs: string[], resources: string[], resourceNames?: string[]): PolicyRule => ({
    ...{ verbs, apiGroups: [''], resources },
    ...(resourceNames && { resourceNames }),
  })
  const cases: [PolicyRule[], PolicyRule[], string[]][] = [
    [[rule(['*'], ['*'])], [rule(['get'], ['pods/log'], ['a'])], []],
    [[rule(['get'], ['pods'])], [rule(['get', 'list'], ['pods'])], ['{APIGroups:[""], Resources:["pods"], Verbs:["list"]}']],
    [[rule(['get'], ['pods'], ['a'])], [rule(['get'], ['pods'])], ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}']],
    [[rule(['get'], ['pods'], ['a', 'b'])], [rule(['get'], ['pods'], ['b'])], []],
    [[rule(['get'], ['*/log'])], [rule(['get'], ['pods/log'])], []],
    [
      [{ verbs: ['get'], nonResourceURLs: ['/a/*'] }],
      [{ verbs: ['get'], nonResourceURLs: ['/a/b', '/c'] }],
      ['{NonResourceURLs:["/c"], Verbs:["get"]}'],
    ],
    [[], [rule(['get', 'list'], ['pods'])], ['{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}']],
  ]
  for (const [held, wanted, expected] of cases) assert.deepEqual(compact(uncovered(held, wanted)).map(ruleText), expected)
})

test('escalation() says what is missing', () => {
  const { lister } = bed()
  assert.equal(escalation(user, [read], { lister, namespace: 'shop' }), undefined)
  assert.equal(
    escalation(named('eve', 'x'), [read], { lister, namespace: 'shop' }),
    'user "eve" (groups=["x"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["get"]}; resolution errors: [clusterrole.rbac.authorization.k8s.io "gone" not found]',
  )
})
