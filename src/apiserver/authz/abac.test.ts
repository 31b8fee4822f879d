import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { User } from '../request.ts'
import { abacAuthorizer, parseAbacPolicies } from './abac.ts'
import type { Attributes } from './authorizer.ts'

const policy = (spec: object) => JSON.stringify({ apiVersion: 'abac.authorization.kubernetes.io/v1beta1', kind: 'Policy', spec })
const authorizerOf = (...lines: string[]) => abacAuthorizer(parseAbacPolicies(lines.join('\n'), 'policies.jsonl'))

const ann: User = { name: 'ann', groups: ['dev', 'system:authenticated'] }
const bob: User = { name: 'bob', groups: ['system:authenticated'] }
const nobody: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] }

const asked: Attributes = {
  ...{ user: ann, verb: 'create', isResource: true, path: '', group: '', version: 'v1', resource: 'pods' },
  ...{ subresource: '', namespace: 'shop', name: 'web' },
}
const atPath = (path: string, verb = 'get'): Partial<Attributes> => ({
  isResource: false,
  path,
  verb,
  resource: '',
  namespace: '',
})
const all = { namespace: '*', resource: '*', apiGroup: '*' }

const cases: readonly { line: string; over?: Partial<Attributes>; isAllowed: boolean }[] = [
  { line: policy({ user: 'ann', ...all }), isAllowed: true },
  { line: policy({ user: 'ann', ...all }), over: { user: bob }, isAllowed: false },
  { line: policy({ group: 'dev', ...all }), isAllowed: true },
  { line: policy({ group: 'dev', ...all }), over: { user: bob }, isAllowed: false },
  { line: policy({ user: 'bob', group: 'dev', ...all }), isAllowed: false },
  { line: policy({ ...all }), isAllowed: false },
  { line: policy({ user: '*', ...all }), over: { user: bob }, isAllowed: true },
  { line: policy({ user: '*', ...all }), over: { user: nobody }, isAllowed: false },
  { line: policy({ group: '*', ...all }), over: { user: nobody }, isAllowed: false },
  { line: policy({ user: 'bob', group: '*', ...all }), isAllowed: true },
  { line: policy({ user: 'ann', readonly: true, ...all }), isAllowed: false },
  { line: policy({ user: 'ann', readonly: true, ...all }), over: { verb: 'watch' }, isAllowed: true },
  { line: policy({ user: 'ann', ...all, namespace: 'other' }), isAllowed: false },
  { line: policy({ user: 'ann', ...all, namespace: '' }), isAllowed: false },
  { line: policy({ user: 'ann', ...all, resource: 'secrets' }), isAllowed: false },
  { line: policy({ user: 'ann', ...all, apiGroup: 'apps' }), isAllowed: false },
  { line: policy({ user: 'ann', ...all, apiGroup: 'apps' }), over: { group: 'apps' }, isAllowed: true },
  { line: policy({ user: 'ann', ...all }), over: atPath('/healthz'), isAllowed: false },
  { line: policy({ user: 'ann', nonResourcePath: '*' }), isAllowed: false },
  { line: policy({ user: 'ann', nonResourcePath: '/healthz' }), over: atPath('/healthz'), isAllowed: true },
  { line: policy({ user: 'ann', nonResourcePath: '/healthz' }), over: atPath('/healthz/ping'), isAllowed: false },
  { line: policy({ user: 'ann', nonResourcePath: '/healthz*' }), over: atPath('/healthz/ping'), isAllowed: true },
  { line: policy({ user: 'ann', nonResourcePath: '*', readonly: true }), over: atPath('/debug', 'post'), isAllowed: false },
  { line: '{"user":"ann"}', isAllowed: true },
  { line: '{"user":"ann"}', over: atPath('/healthz'), isAllowed: true },
  { line: '{"user":"ann","resource":"pods"}', over: { group: 'metrics.k8s.io' }, isAllowed: true },
  { line: '{"user":"ann","resource":"pods"}', over: atPath('/healthz'), isAllowed: false },
  { line: '{"readonly":true}', over: { user: bob, verb: 'list' }, isAllowed: true },
  { line: '{"readonly":true}', over: { user: bob }, isAllowed: false },
  { line: '{}', over: { user: nobody }, isAllowed: false },
  { line: '{"group":"*"}', over: { user: bob }, isAllowed: true },
  { line: '{"user":"*"}', over: { user: nobody }, isAllowed: false },
  { line: '# all that follows is left out\n\n   ', isAllowed: false },
]
for (const { line, over = {}, isAllowed } of cases) {
  const who = over.user?.name ?? 'ann'
  const what = `${over.verb ?? 'create'} ${over.path ?? [over.group ?? '', 'pods'].filter(Boolean).join('/')}`
  test(`ABAC: ${who} may ${isAllowed ? '' : 'not '}${what} by ${line.replace(/"apiVersion.*"Policy",/, '')}`, async () => {
    const { verdict, reason } = await authorizerOf(line).authorize({ ...asked, ...over })
    assert.equal(verdict, isAllowed ? 'allow' : 'noOpinion')
    assert.equal(reason, isAllowed ? undefined : 'No policy matched.')
  })
}

test('ABAC: the first line that matches is enough', () => {
  const authorizer = authorizerOf(policy({ user: 'ann', ...all, readonly: true }), policy({ user: 'ann', ...all }))
  assert.deepEqual(authorizer.authorize(asked), { verdict: 'allow' })
})

const wrong: readonly [text: string, message: RegExp][] = [
  ['# fine\n{', /error reading policy file policies.jsonl, line 2: \{: /],
  ['null', /line 1: null: want a policy$/],
  ['{"apiVersion":"abac.authorization.kubernetes.io/v9","kind":"Policy"}', /no kind "Policy" is registered for version "abac/],
  ['{"kind":"Pod","apiVersion":"v1"}', /no kind "Pod" is registered for version "v1"$/],
]
for (const [text, message] of wrong) {
  test(`parseAbacPolicies() refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseAbacPolicies(text, 'policies.jsonl'), message)
  })
}

test('ABAC: rules() tells what a user may do in a namespace', () => {
  const authorizer = authorizerOf(
    policy({ user: 'ann', namespace: 'shop', resource: 'pods', apiGroup: '' }),
    policy({ group: 'dev', namespace: '*', resource: '*', apiGroup: '*', readonly: true, nonResourcePath: '/logs' }),
    policy({ user: 'ann', namespace: 'other', resource: 'secrets', apiGroup: '' }),
    policy({ user: 'bob', ...all }),
  )
  assert.deepEqual(authorizer.rules?.(ann, 'shop'), {
    resource: [
      { verbs: ['*'], apiGroups: [''], resources: ['pods'] },
      { verbs: ['get', 'list', 'watch'], apiGroups: ['*'], resources: ['*'] },
    ],
    nonResource: [{ verbs: ['get', 'list', 'watch'], nonResourceURLs: ['/logs'] }],
  })
})
