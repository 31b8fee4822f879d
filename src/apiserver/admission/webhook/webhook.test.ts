import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { after, afterEach, before, test } from 'node:test'
import { MutatingWebhookConfiguration } from '#api/admissionregistration/v1/mutating-webhook-configuration.ts'
import { ValidatingWebhookConfiguration } from '#api/admissionregistration/v1/validating-webhook-configuration.ts'
import { Deployment } from '#api/apps/v1/deployment.ts'
import { HorizontalPodAutoscaler } from '#api/autoscaling/v2/horizontal-pod-autoscaler.ts'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { deployment, pod } from '#testing/make.ts'
import { send } from '#testing/send.ts'
import { type TlsBackend, tlsBackend } from '#testing/tls-backend.ts'

let hook: TlsBackend
let cluster: TestCluster
/** By path: what the webhook answers. */
let answers: Record<string, (request: any, review: any) => unknown> = {}
let asked: any[] = []

async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
  const review = JSON.parse(Buffer.concat(await Array.fromAsync(message as AsyncIterable<Buffer>)).toString())
  const path = (message.url ?? '').split('?')[0] as string
  asked.push({ path, url: message.url, ...review })
  const given: any = answers[path]?.(review.request, review) ?? { allowed: true }
  if (given.code) return void response.writeHead(given.code).end(given.body)
  const body = { kind: review.kind, apiVersion: review.apiVersion, response: { uid: review.request.uid, ...given } }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

before(async () => {
  hook = await tlsBackend(answer)
  cluster = await testCluster({ serviceDialer: { dial: () => hook.dial() } })
})

afterEach(async () => {
  for (const kind of [ValidatingWebhookConfiguration, MutatingWebhookConfiguration]) {
    await cluster.client.deleteCollection(kind as typeof ValidatingWebhookConfiguration, {})
  }
  await cluster.client.deleteCollection(ConfigMap, { namespace: 'default' })
  answers = {}
  asked = []
})

after(async () => {
  await cluster[Symbol.asyncDispose]()
  await hook[Symbol.asyncDispose]()
})

const maps = { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['*'] }

function webhook(path: string, over: object = {}): any {
  return {
    name: `${path}.example.com`,
    clientConfig: { service: { namespace: 'default', name: 'hook', path: `/${path}` }, caBundle: hook.caBundle },
    rules: [maps],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...over,
  }
}

function validating(...webhooks: any[]) {
  return cluster.client.create(ValidatingWebhookConfiguration, { metadata: { name: webhooks[0].name }, webhooks })
}

function mutating(...webhooks: any[]) {
  return cluster.client.create(MutatingWebhookConfiguration, { metadata: { name: webhooks[0].name }, webhooks })
}

const map = (name: string, over: object = {}) => ({ metadata: { name, namespace: 'default', ...over }, data: { a: '1' } })
const create = (name: string, over: object = {}) => cluster.client.create(ConfigMap, map(name, over))
const patch = (...operations: object[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
})

test('A validating webhook is told everything about a request', async () => {
  await validating(webhook('look'))
  await create('a')
  const [{ url, kind, apiVersion, request }] = asked
  assert.deepEqual([url, kind, apiVersion], ['/look?timeout=10s', 'AdmissionReview', 'admission.k8s.io/v1'])
  const { uid, object, options, userInfo, ...rest } = request
  assert.match(uid, /^[0-9a-f-]{36}$/)
  assert.equal(object.metadata.name, 'a')
  assert.ok(object.metadata.uid)
  assert.equal(options.kind, 'CreateOptions')
  assert.equal(userInfo.username, 'kubernetes-admin')
  const resource = { group: '', version: 'v1', resource: 'configmaps' }
  const of = { group: '', version: 'v1', kind: 'ConfigMap' }
  assert.deepEqual(rest, {
    ...{ kind: of, resource, requestKind: of, requestResource: resource },
    ...{ name: 'a', namespace: 'default', operation: 'CREATE', oldObject: null, dryRun: false },
  })
  await cluster.client.delete(ConfigMap, { name: 'a', namespace: 'default' })
  const last = asked.at(-1).request
  assert.deepEqual([last.operation, last.object, last.oldObject.metadata.name], ['DELETE', null, 'a'])
})

test('A refusal is told in the webhook’s words', async () => {
  await validating(webhook('deny'))
  const cases: [object, string, number, string][] = [
    [{ status: { message: 'no', code: 403, reason: 'Forbidden' } }, 'denied the request: no', 403, 'Forbidden'],
    [{ status: { reason: 'Conflict', code: 409 } }, 'denied the request: Conflict', 409, 'Conflict'],
    [{}, 'denied the request without explanation', 400, ''],
  ]
  for (const [given, text, code, reason] of cases) {
    answers['/deny'] = () => ({ allowed: false, ...given })
    const error: any = await create('a').catch((refusal) => refusal)
    assert.deepEqual(
      [error.message, error.code, error.reason ?? ''],
      [`admission webhook "deny.example.com" ${text}`, code, reason],
    )
  }
})

test('A webhook that cannot be asked decides by its failurePolicy', async () => {
  await validating(webhook('fail'))
  const failing = 'Internal error occurred: failed calling webhook "fail.example.com": '
  const post = 'failed to call webhook: Post "https://hook.default.svc:443/fail?timeout=10s": '
  const invalid = 'received invalid webhook response: '
  const cases: [object, string][] = [
    [
      { code: 500, body: 'oh' },
      'failed to call webhook: an error on the server ("oh") has prevented the request from succeeding',
    ],
    [{ code: 404 }, 'failed to call webhook: the server could not find the requested resource'],
    [{ allowed: true, uid: 'x' }, `${invalid}expected response.uid=`],
    [patch(), `${invalid}validating webhook may not return response.patch`],
  ]
  for (const [given, text] of cases) {
    answers['/fail'] = () => given
    const error = (await create('a').catch((reason) => reason)) as Error & { code: number }
    assert.equal(error.code, 500)
    assert.ok(error.message.startsWith(failing + text), error.message)
  }
  await cluster.client.deleteCollection(ValidatingWebhookConfiguration, {})
  await validating(webhook('fail', { failurePolicy: 'Ignore' }))
  answers['/fail'] = () => ({ code: 500 })
  await create('a')
  await cluster.client.deleteCollection(ValidatingWebhookConfiguration, {})
  const { caBundle: _, ...unknown } = webhook('fail').clientConfig
  await validating(webhook('fail', { clientConfig: unknown }))
  await assert.rejects(create('b'), {
    message: `${failing}${post}tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  })
})

test('A webhook outside the cluster has a URL', async () => {
  const clientConfig = { url: `https://127.0.0.1:${hook.port}/url`, caBundle: hook.caBundle }
  await validating(webhook('url', { clientConfig, timeoutSeconds: 3 }))
  await create('a')
  assert.equal(asked[0].url, '/url?timeout=3s')
})

test('Selectors and conditions decide whether a webhook is asked', async () => {
  await validating(
    webhook('labels', { objectSelector: { matchLabels: { ask: 'yes' } } }),
    webhook('elsewhere', { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }),
    webhook('condition', { matchConditions: [{ name: 'b', expression: "object.metadata.name == 'b'" }] }),
  )
  await create('a', { labels: { ask: 'yes' } })
  await create('b')
  assert.deepEqual(
    asked.map(({ path, request }) => `${path} ${request.name}`),
    ['/labels a', '/condition b'],
  )
})

test('A condition that fails refuses or skips', async () => {
  const matchConditions = [{ name: 'c', expression: "object.data.nope == 'x'" }]
  await validating(webhook('closed', { matchConditions }))
  await assert.rejects(create('a'), { code: 403, message: /^configmaps "a" is forbidden: .*no such key: nope/ })
  await cluster.client.deleteCollection(ValidatingWebhookConfiguration, {})
  await validating(webhook('open', { matchConditions, failurePolicy: 'Ignore' }))
  await create('a')
  assert.equal(asked.length, 0)
})

test('Warnings reach the client', async () => {
  await validating(webhook('warn'))
  answers['/warn'] = () => ({ allowed: true, warnings: ['beware'] })
  const { warnings } = await send(cluster.server, 'POST /api/v1/namespaces/default/configmaps', { body: map('a') })
  assert.deepEqual(warnings, ['beware'])
})

test('Dry runs reach only webhooks without side effects', async () => {
  await validating(webhook('quiet', { sideEffects: 'NoneOnDryRun' }))
  await cluster.client.create(ConfigMap, map('a'), { dryRun: true })
  assert.equal(asked[0].request.dryRun, true)
})

test('Mutating webhooks change the object one after the other, and are asked again where one wants it', async () => {
  const add = (key: string) => ({ op: 'add', path: `/data/${key}`, value: '1' })
  const first = webhook('first', { reinvocationPolicy: 'IfNeeded' })
  await mutating(first, webhook('second'))
  answers['/first'] = ({ object }) => (object.data.second ? patch(add('again')) : patch(add('first')))
  answers['/second'] = () => patch(add('second'))
  const { data } = await create('a')
  assert.deepEqual(data, { a: '1', first: '1', second: '1', again: '1' })
  assert.deepEqual(
    asked.map(({ path }) => path),
    ['/first', '/second', '/first'],
  )
})

test('A patch that makes no sense is an error', async () => {
  await mutating(webhook('bad'))
  const cases: [object, string][] = [
    [
      { allowed: true, patch: 'e30=' },
      'received invalid webhook response: webhook returned response.patch but not response.patchType',
    ],
    [
      { allowed: true, patchType: 'JSONPatch' },
      'received invalid webhook response: webhook returned response.patchType but not response.patch',
    ],
    [{ allowed: true, patch: 'e30=', patchType: 'Merge' }, 'unsupported patch type "Merge"'],
    [{ allowed: true, patch: 'e30=', patchType: 'JSONPatch' }, 'received undecodable patch in webhook response: '],
  ]
  for (const [given, text] of cases) {
    answers['/bad'] = () => given
    const { message } = (await create('a').catch((reason) => reason)) as Error
    assert.ok(message.startsWith(`Internal error occurred: failed calling webhook "bad.example.com": ${text}`), message)
  }
})

test('A mutated pod gets its defaults', async () => {
  const rules = [{ ...maps, resources: ['pods'], operations: ['CREATE'] }]
  await mutating(webhook('sidecar', { rules }))
  answers['/sidecar'] = () => patch({ op: 'add', path: '/spec/containers/-', value: { name: 'side', image: 'i:1' } })
  const { spec } = await cluster.client.create(Pod, pod('web'))
  assert.deepEqual([spec.containers[1]?.name, spec.containers[1]?.imagePullPolicy], ['side', 'IfNotPresent'])
})

test('v1beta1 reviews need neither uid nor patchType', async () => {
  await mutating(webhook('old', { admissionReviewVersions: ['v1beta1', 'v1'] }))
  answers['/old'] = () => {
    const { patchType: _, ...rest } = patch({ op: 'add', path: '/data/b', value: '2' })
    return { ...rest, uid: '' }
  }
  assert.equal((await create('a')).data?.b, '2')
  assert.equal(asked[0].apiVersion, 'admission.k8s.io/v1beta1')
})

test('Configurations of webhooks are not asked about', async () => {
  const rules = [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['*'] }]
  answers['/all'] = () => ({ allowed: false })
  await validating(webhook('all', { rules }))
  await cluster.client.delete(ValidatingWebhookConfiguration, { name: 'all.example.com' })
  assert.equal(asked.length, 0)
})

test('A webhook that knows another version of a kind is asked in that one', async () => {
  const rules = [{ ...maps, apiGroups: ['autoscaling'], apiVersions: ['v1'], resources: ['horizontalpodautoscalers'] }]
  await mutating(webhook('equal', { rules }))
  await validating(webhook('exact', { rules, matchPolicy: 'Exact' }))
  answers['/equal'] = () => patch({ op: 'replace', path: '/spec/maxReplicas', value: 7 })
  const scaleTargetRef = { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' }
  const made = await cluster.client.create(HorizontalPodAutoscaler, {
    metadata: { name: 'h', namespace: 'default' },
    spec: { scaleTargetRef, maxReplicas: 3 },
  })
  assert.deepEqual([made.apiVersion, made.spec.maxReplicas, asked.length], ['autoscaling/v2', 7, 1])
  const { kind, requestKind, object } = asked[0].request
  assert.deepEqual([kind.version, requestKind.version, object.apiVersion], ['v1', 'v2', 'autoscaling/v1'])
})

test('Webhooks are asked about scale in its own words', async () => {
  const rules = [{ ...maps, apiGroups: ['apps'], resources: ['deployments/scale'] }]
  await validating(webhook('scale', { rules }))
  await cluster.client.create(Deployment, deployment('web'))
  await send(cluster.server, 'PATCH /apis/apps/v1/namespaces/default/deployments/web/scale', {
    body: { spec: { replicas: 2 } },
    contentType: 'application/merge-patch+json',
  })
  const [{ request }] = asked
  assert.deepEqual([request.kind.kind, request.subResource, request.object.spec.replicas], ['Scale', 'scale', 2])
})
