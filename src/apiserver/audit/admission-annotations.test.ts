/** What admission webhooks and policies leave in audit events. */
import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { MutatingWebhookConfiguration } from '#api/admissionregistration/v1/mutating-webhook-configuration.ts'
import { ValidatingAdmissionPolicy } from '#api/admissionregistration/v1/validating-admission-policy.ts'
import { ValidatingAdmissionPolicyBinding } from '#api/admissionregistration/v1/validating-admission-policy-binding.ts'
import { ValidatingWebhookConfiguration } from '#api/admissionregistration/v1/validating-webhook-configuration.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { tlsBackend } from '#testing/tls-backend.ts'
import type { AuditBackend, AuditEvent } from './event.ts'
import { parseAuditPolicy } from './policy.ts'

const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }

async function audited() {
  const events: AuditEvent[] = []
  const backend: AuditBackend = { name: 'memory', take: (more) => void events.push(...more), close: async () => {} }
  const policy = parseAuditPolicy('apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]')
  const cluster = await testCluster({ audit: { policy, backend } })
  /** Those of the last request, without the authorizer's. */
  const annotations = () =>
    Object.fromEntries(
      Object.entries(events.at(-1)?.annotations ?? {}).filter(([key]) => !key.startsWith('authorization.k8s.io/')),
    )
  return { cluster, annotations, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() }
}

const create = ({ client }: TestCluster) => client.create(ConfigMap, { metadata: { name: 'a', namespace: 'default' } })

async function bodyOf(request: IncomingMessage): Promise<any> {
  return JSON.parse(Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString())
}

test('a policy’s failures and its own annotations stand in the audit event', async () => {
  await using it = await audited()
  const { client } = it.cluster
  const spec = {
    matchConstraints: { resourceRules: [rule] },
    validations: [{ expression: 'true' }, { expression: 'false', message: 'never' }],
    auditAnnotations: [{ key: 'who', valueExpression: '"made by " + request.userInfo.username' }],
  }
  await client.create(ValidatingAdmissionPolicy, { metadata: { name: 'rule' }, spec } as never)
  const bound = { policyName: 'rule', validationActions: ['Audit'] }
  await client.create(ValidatingAdmissionPolicyBinding, { metadata: { name: 'here' }, spec: bound } as never)
  await it.cluster.settle()
  await create(it.cluster)
  const failure = { message: 'never', policy: 'rule', binding: 'here', expressionIndex: 1, validationActions: ['Audit'] }
  assert.deepEqual(it.annotations(), {
    'rule/who': 'made by kubernetes-admin',
    'validation.policy.admission.k8s.io/validation_failure': JSON.stringify([failure]),
  })
})

test('a webhook’s patch, its own annotations, and what passed because it failed stand in the audit event', async () => {
  await using it = await audited()
  const patch = [{ op: 'add', path: '/data', value: { seen: 'yes' } }]
  await using hook = await tlsBackend(async (request, response) => {
    if (request.url?.startsWith('/broken')) return void response.writeHead(500).end()
    const review = await bodyOf(request)
    const encoded = Buffer.from(JSON.stringify(patch)).toString('base64')
    const answer = { uid: review.request.uid, allowed: true, patchType: 'JSONPatch', patch: encoded }
    review.response = { ...answer, auditAnnotations: { note: 'patched' } }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(review))
  })
  const webhook = (name: string, path: string) => ({
    clientConfig: { url: `https://127.0.0.1:${hook.port}/${path}`, caBundle: hook.caBundle },
    ...{ name, sideEffects: 'None', admissionReviewVersions: ['v1'], rules: [rule], failurePolicy: 'Ignore' },
  })
  const { client } = it.cluster
  const changing = [webhook('patch.test.io', 'patch'), webhook('open.test.io', 'broken')]
  await client.create(MutatingWebhookConfiguration, { metadata: { name: 'm' }, webhooks: changing } as never)
  const checking = [webhook('check.test.io', 'broken')]
  await client.create(ValidatingWebhookConfiguration, { metadata: { name: 'v' }, webhooks: checking } as never)
  await it.cluster.settle()
  assert.deepEqual((await create(it.cluster)).data, { seen: 'yes' })
  const of = (name: string) => ({ configuration: 'm', webhook: name })
  assert.deepEqual(it.annotations(), {
    'patch.test.io/note': 'patched',
    'patch.webhook.admission.k8s.io/round_0_index_0': JSON.stringify({ ...of('patch.test.io'), patch, patchType: 'JSONPatch' }),
    'mutation.webhook.admission.k8s.io/round_0_index_0': JSON.stringify({ ...of('patch.test.io'), mutated: true }),
    'failed-open.mutation.webhook.admission.k8s.io/round_0_index_1': 'open.test.io',
    'mutation.webhook.admission.k8s.io/round_0_index_1': JSON.stringify({ ...of('open.test.io'), mutated: false }),
    'failed-open.validating.webhook.admission.k8s.io/round_0_index_0': 'check.test.io',
  })
})
