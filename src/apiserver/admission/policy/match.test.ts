import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MatchResources, NamedRuleWithOperations } from '#api/admissionregistration/v1/rule.ts'
import { Event } from '#api/core/v1/event.ts'
import { Namespace } from '#api/core/v1/namespace.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Event as EventsEvent } from '#api/events/v1/event.ts'
import type { Kind } from '#schema/kind.ts'
import { listerOf } from '#testing/lister.ts'
import type { AdmissionRequest } from '../plugin.ts'
import { RequestAuthorizer } from './authorizer.ts'
import { matcherOf } from './match.ts'

const lister = listerOf([Namespace, [{ metadata: { name: 'prod', labels: { env: 'prod' } } }]])
const kinds = { all: (): readonly Kind[] => [Pod, Event, EventsEvent, Namespace], byName: () => undefined }

const request = (over: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  operation: 'CREATE',
  kind: Pod,
  subresource: '',
  namespace: 'prod',
  name: 'a',
  user: { name: 'u', groups: [] },
  dryRun: false,
  object: { metadata: { name: 'a', labels: { app: 'web' } } },
  options: {},
  warn() {},
  ...over,
})

const rule = (over: Partial<NamedRuleWithOperations> = {}): NamedRuleWithOperations => ({
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources: ['pods'],
  ...over,
})

const cases: [title: string, resources: MatchResources, over: Partial<AdmissionRequest>, matched: Kind | undefined][] = [
  ['the resource', { resourceRules: [rule()] }, {}, Pod],
  ['another operation', { resourceRules: [rule({ operations: ['DELETE'] })] }, {}, undefined],
  ['a subresource is not its resource', { resourceRules: [rule()] }, { subresource: 'status' }, undefined],
  ['all subresources', { resourceRules: [rule({ resources: ['pods/*'] })] }, { subresource: 'status' }, Pod],
  ['one subresource of everything', { resourceRules: [rule({ resources: ['*/status'] })] }, { subresource: 'status' }, Pod],
  ['a scope that it does not have', { resourceRules: [rule({ scope: 'Cluster' })] }, {}, undefined],
  ['another name', { resourceRules: [rule({ resourceNames: ['b'] })] }, {}, undefined],
  [
    'an equivalent resource',
    { resourceRules: [rule({ apiGroups: ['events.k8s.io'], resources: ['events'] })] },
    { kind: Event },
    EventsEvent,
  ],
  [
    'no equivalent resource where the match is exact',
    { resourceRules: [rule({ apiGroups: ['events.k8s.io'], resources: ['events'] })], matchPolicy: 'Exact' },
    { kind: Event },
    undefined,
  ],
  ['the labels of the namespace', { resourceRules: [rule()], namespaceSelector: { matchLabels: { env: 'prod' } } }, {}, Pod],
  [
    'other labels of the namespace',
    { resourceRules: [rule()], namespaceSelector: { matchLabels: { env: 'test' } } },
    {},
    undefined,
  ],
  [
    'a namespace by its own labels',
    { resourceRules: [rule({ resources: ['namespaces'] })], namespaceSelector: { matchLabels: { env: 'new' } } },
    { kind: Namespace, name: 'x', namespace: 'x', object: { metadata: { name: 'x', labels: { env: 'new' } } } },
    Namespace,
  ],
  [
    'the labels that the object had',
    { resourceRules: [rule({ operations: ['*'] })], objectSelector: { matchLabels: { app: 'old' } } },
    { operation: 'UPDATE', old: { metadata: { labels: { app: 'old' } } } },
    Pod,
  ],
  ['what is excluded', { resourceRules: [rule()], excludeResourceRules: [rule({ resourceNames: ['a'] })] }, {}, undefined],
]

for (const [title, resources, over, matched] of cases) {
  test(`matcherOf: ${title}`, () => {
    assert.equal(matcherOf(resources)(request(over), { lister, kinds })?.apiVersion, matched?.apiVersion)
  })
}

test('RequestAuthorizer asks once, and waits for authorizers that take time', async () => {
  let asked = 0
  const authorizer = new RequestAuthorizer({
    name: 'slow',
    authorize: async () => {
      asked++
      return { verdict: 'allow', reason: 'because' }
    },
  })
  const user = { name: 'u', groups: [] }
  const question = {
    user,
    verb: 'get',
    isResource: false,
    path: '/',
    group: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
  }
  const answers = await authorizer.settle(() => [authorizer.decide(question), authorizer.decide({ ...question, verb: 'put' })])
  assert.deepEqual(answers, [
    { allowed: true, reason: 'because' },
    { allowed: true, reason: 'because' },
  ])
  assert.equal(asked, 2)
})
