/** What the conformance tests of sig-auth and sig-instrumentation ask of the API, step by step as they do (`test/e2e/auth`, `test/e2e/instrumentation`). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { newKey } from '#cluster/pki-key.ts'
import { testCluster } from '#testing/cluster.ts'
import { type SendOptions, send } from '#testing/send.ts'
import { defaultPlugins } from './admission/chain.ts'
import { publishStages } from './publish/publish.ts'
import { serviceAccountTokens } from './service-account-tokens.ts'

const merge = 'application/merge-patch+json'
const strategic = 'application/strategic-merge-patch+json'

/** `openssl req -new -subj /O=devs/CN=a`, on prime256v1. */
const request = Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----
MIHVMH0CAQAwGzENMAsGA1UECgwEZGV2czEKMAgGA1UEAwwBYTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABEmbAWTzrBZkNQOuRm+L8hjahb7prTAUZqylcT824iVI
y0CB3dNUmLF8N48Qij84LfSSg5TkjvwObeqChFpMosugADAKBggqhkjOPQQDAgNI
ADBFAiBeDeaysPrJVRqzubOThsZDWqDuKEjFr88kPoU6Zo2SHAIhAIIDbUeNRFni
fJXqDIWyKjGA7H+3+nX3hSbpRLrplavT
-----END CERTIFICATE REQUEST-----
`).toString('base64')

/** A self-signed one; what is in it does not matter. */
const certificate = Buffer.from(`-----BEGIN CERTIFICATE-----
MIIBdDCCARqgAwIBAgIUGhpBa8tnIkYQ0pqWPq0r0uQ3bJMwCgYIKoZIzj0EAwIw
-----END CERTIFICATE-----
`).toString('base64')

async function bed() {
  const tokens = serviceAccountTokens({ privateKey: newKey(), issuer: 'https://kubernetes.default.svc.cluster.local' })
  const publish = publishStages({ kinds: () => [], gitVersion: 'v1.36.0', platform: 'linux/amd64', checks: [], tokens })
  const cluster = await testCluster({ admission: defaultPlugins, tokens, publish, policy: true })
  for (const [name, automountServiceAccountToken] of [['default'], ['mount', true], ['nomount', false]] as const) {
    const own = { metadata: { name, namespace: 'default' } }
    const given = automountServiceAccountToken === undefined ? own : { ...own, automountServiceAccountToken }
    await cluster.client.create(ServiceAccount, given)
  }
  return {
    cluster,
    /** The object of an answer that must be a success. */
    async ask(line: `${string} /${string}`, body?: unknown, options: SendOptions = {}) {
      const { status, object } = await send(cluster.server, line, { ...(body !== undefined && { body }), ...options })
      assert.ok(status < 300, `${line}: ${status} ${JSON.stringify(object)}`)
      return object
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  }
}

test('Certificates API should support CSR API operations', async () => {
  await using on = await bed()
  const path = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
  const signerName = 'example.com/e2e-x'
  const chosen: `/${string}` = `${path}?fieldSelector=spec.signerName%3D${encodeURIComponent(signerName)}`
  const template = {
    ...{ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' },
    metadata: { generateName: 'e2e-example-csr-', creationTimestamp: null },
    spec: { request, signerName, expirationSeconds: 3600, usages: ['digital signature', 'key encipherment', 'server auth'] },
    status: {},
  }
  await on.ask(`POST ${path}`, template)
  await on.ask(`POST ${path}`, template)
  const { metadata } = await on.ask(`POST ${path}`, template)
  const own: `/${string}` = `${path}/${metadata.name}`
  assert.equal((await on.ask(`GET ${own}`)).spec.expirationSeconds, 3600)
  assert.equal((await on.ask(`GET ${chosen}`)).items.length, 3)
  const patched = await on.ask(`PATCH ${own}`, { metadata: { annotations: { patched: 'true' } } }, { contentType: merge })
  patched.metadata.annotations.updated = 'true'
  assert.equal((await on.ask(`PUT ${own}`, patched)).metadata.annotations.updated, 'true')

  const approval = await on.ask(`GET ${own}/approval`)
  assert.deepEqual([approval.kind, approval.metadata.uid], ['CertificateSigningRequest', metadata.uid])
  const wish = {
    metadata: { annotations: { patchedapproval: 'true' } },
    status: { conditions: [{ type: 'ApprovalPatch', status: 'True', reason: 'e2e' }] },
  }
  const approved = await on.ask(`PATCH ${own}/approval`, wish, { contentType: merge })
  assert.deepEqual(
    approved.status.conditions.map(({ type }: any) => type),
    ['ApprovalPatch'],
  )
  assert.equal(approved.metadata.annotations.patchedapproval, 'true')
  assert.ok(approved.status.conditions[0].lastUpdateTime && approved.status.conditions[0].lastTransitionTime)
  approved.status.conditions.push({ type: 'Approved', status: 'True', reason: 'E2E', message: 'Set from an e2e test' })
  assert.equal((await on.ask(`PUT ${own}/approval`, approved)).status.conditions[1].type, 'Approved')

  assert.equal((await on.ask(`GET ${own}/status`)).metadata.uid, metadata.uid)
  const signed = { metadata: { annotations: { patchedstatus: 'true' } }, status: { certificate } }
  const issued = await send(on.cluster.server, `PATCH ${own}/status`, { body: signed, contentType: merge })
  // The bytes between the lines must be a certificate; what is written here is none.
  assert.equal(issued.status, 422)
  const current = await on.ask(`GET ${own}`)
  current.status.conditions.push({ type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from an e2e test' })
  const updated = await on.ask(`PUT ${own}/status`, current)
  assert.equal(updated.status.conditions.at(-1).type, 'StatusUpdate')

  await on.ask(`DELETE ${own}`)
  assert.equal((await send(on.cluster.server, `GET ${own}`)).status, 404)
  assert.equal((await on.ask(`GET ${chosen}`)).items.length, 2)
  await on.ask(`DELETE ${chosen}`)
  assert.equal((await on.ask(`GET ${chosen}`)).items.length, 0)
})

test('ServiceAccounts should allow opting out of API token automount', async () => {
  await using on = await bed()
  const cases: [string, boolean | undefined, boolean][] = [
    ['default', undefined, true],
    ['mount', undefined, true],
    ['nomount', undefined, false],
    ['default', true, true],
    ['mount', true, true],
    ['nomount', true, true],
    ['default', false, false],
    ['mount', false, false],
    ['nomount', false, false],
  ]
  for (const [serviceAccountName, automountServiceAccountToken, wanted] of cases) {
    const containers = [{ name: 'token-test', image: 'agnhost', resources: {} }]
    const body = {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: `pod-${serviceAccountName}-${automountServiceAccountToken}` } },
      spec: { containers, restartPolicy: 'Never', serviceAccountName, automountServiceAccountToken },
    }
    const { spec } = await on.ask('POST /api/v1/namespaces/default/pods', body)
    const mounts = spec.containers[0].volumeMounts ?? []
    const at = '/var/run/secrets/kubernetes.io/serviceaccount'
    assert.equal(
      mounts.some(({ mountPath }: any) => mountPath === at),
      wanted,
      body.metadata.name,
    )
  }
})

test('ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview', async () => {
  await using on = await bed()
  const made = await on.ask('POST /api/v1/namespaces/default/serviceaccounts/default/token', {
    ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { creationTimestamp: null } },
    spec: { audiences: null, expirationSeconds: 3600, boundObjectRef: null },
    status: { token: '', expirationTimestamp: null },
  })
  const { sub, aud } = JSON.parse(Buffer.from(made.status.token.split('.')[1], 'base64url').toString())
  assert.equal(sub, 'system:serviceaccount:default:default')
  assert.deepEqual(aud, ['https://kubernetes.default.svc.cluster.local'])
  const paths = ['/.well-known/openid-configuration', '/openid/v1/jwks'] as const
  const user = { name: sub, groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'] }
  for (const path of paths) assert.equal((await send(on.cluster.server, `GET ${path}`, { user })).status, 200, path)
})

test('SubjectReview should support SubjectReview API operations', async () => {
  await using on = await bed()
  const user = 'system:serviceaccount:default:mount'
  const groups = ['system:authenticated', 'system:serviceaccounts', 'system:serviceaccounts:default']
  const spec = {
    resourceAttributes: { namespace: 'default', verb: 'list', version: 'v1', resource: 'configmaps' },
    ...{ user, groups, uid: '1' },
  }
  const about = { apiVersion: 'authorization.k8s.io/v1', metadata: { creationTimestamp: null }, status: { allowed: false } }
  const root = '/apis/authorization.k8s.io/v1'
  const review = { ...about, kind: 'SubjectAccessReview', spec }
  assert.equal((await on.ask(`POST ${root}/subjectaccessreviews`, review)).status.allowed, false)
  const listed = await send(on.cluster.server, 'GET /api/v1/namespaces/default/configmaps', { user: { name: user, groups } })
  assert.equal(listed.status, 403)
  const local = {
    ...about,
    kind: 'LocalSubjectAccessReview',
    metadata: { namespace: 'default' },
    spec: { ...spec, user: 'mount' },
  }
  const path = `${root}/namespaces/default/localsubjectaccessreviews` as const
  assert.equal((await on.ask(`POST ${path}`, local)).status.allowed, false)
})

test('Events API should ensure that an event can be fetched, patched, deleted, and listed', async () => {
  await using on = await bed()
  const own = '/apis/events.k8s.io/v1/namespaces/default/events'
  const eventTime = '2017-09-19T13:49:16.000000Z'
  const template = {
    ...{ apiVersion: 'events.k8s.io/v1', kind: 'Event', eventTime, note: 'This is event-test', action: 'Do', reason: 'Test' },
    metadata: { name: 'event-test', labels: { 'testevent-constant': 'true' }, creationTimestamp: null },
    ...{ regarding: { namespace: 'default' }, type: 'Normal' },
    ...{ reportingController: 'test-controller', reportingInstance: 'test-node' },
    ...{ deprecatedSource: {}, deprecatedFirstTimestamp: null, deprecatedLastTimestamp: null },
  }
  await on.ask(`POST ${own}`, template)
  const labelled = '?labelSelector=testevent-constant%3Dtrue'
  const lists = [`GET /apis/events.k8s.io/v1/events${labelled}`, `GET ${own}${labelled}`] as const
  for (const list of lists) assert.equal((await on.ask(list)).items.length, 1)
  const bySource = await on.ask('GET /api/v1/namespaces/default/events?fieldSelector=source%3Dtest-controller')
  assert.equal(bySource.items.length, 1)
  const byController = await on.ask(`GET ${own}?fieldSelector=reportingController%3Dtest-controller`)
  assert.equal(byController.items.length, 1)
  const bare = ({ metadata: { resourceVersion: _, managedFields: __, ...metadata }, ...rest }: any) => ({ ...rest, metadata })
  const before = await on.ask(`GET ${own}/event-test`)
  const first = { count: 2, lastObservedTime: eventTime }
  await on.ask(`PATCH ${own}/event-test`, { series: first }, { contentType: strategic })
  assert.deepEqual(bare(await on.ask(`GET ${own}/event-test`)), { ...bare(before), series: first })
  const series = { count: 100, lastObservedTime: eventTime }
  const { resourceVersion: _, ...metadata } = before.metadata
  await on.ask(`PUT ${own}/event-test`, { ...before, metadata, series })
  assert.deepEqual(bare(await on.ask(`GET ${own}/event-test`)), { ...bare(before), series })
  await on.ask(`DELETE ${own}/event-test`)
  for (const list of lists) assert.equal((await on.ask(list)).items.length, 0)
})

test('Events should manage the lifecycle of an event, and delete a collection of events', async () => {
  await using on = await bed()
  const path = '/api/v1/namespaces/default/events'
  const zero = {
    source: {},
    firstTimestamp: null,
    lastTimestamp: null,
    eventTime: null,
    reportingComponent: '',
    reportingInstance: '',
  }
  for (const name of ['test-event-1', 'test-event-2', 'test-event-3']) {
    await on.ask(`POST ${path}`, {
      ...{ apiVersion: 'v1', kind: 'Event', message: `This is ${name}`, reason: 'Test', type: 'Normal', count: 1, ...zero },
      metadata: { name, labels: { 'testevent-set': 'true' }, creationTimestamp: null },
      involvedObject: { namespace: 'default' },
    })
  }
  await on.ask(`PATCH ${path}/test-event-1`, { message: 'patched' }, { contentType: strategic })
  const event = await on.ask(`GET ${path}/test-event-1`)
  assert.equal(event.message, 'patched')
  const series = { count: 100, lastObservedTime: '2014-09-19T00:00:00.000000Z' }
  const action = 'Do'
  const changed = {
    ...event,
    series,
    action,
    reportingComponent: 'test',
    reportingInstance: 'node',
    eventTime: series.lastObservedTime,
  }
  assert.equal((await on.ask(`PUT ${path}/test-event-1`, changed)).series.count, 100)
  const labelled = `${path}?labelSelector=testevent-set%3Dtrue` as const
  assert.equal((await on.ask(`GET ${labelled}`)).items.length, 3)
  await on.ask(`DELETE ${labelled}`)
  assert.equal((await on.ask(`GET ${labelled}`)).items.length, 0)
})
