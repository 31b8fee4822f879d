import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { secretTokenAuthenticator } from '#apiserver/authn/secret-token.ts'
import { serviceAccountTokens } from '#apiserver/service-account-tokens.ts'
import { hasReason } from '#schema/status-error.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { legacyTokenCleanerController, planToken } from './legacy-token-cleaner.ts'
import { serviceAccountTokenController } from './token.ts'

const issuer = 'https://kubernetes.default.svc.cluster.local'
const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string
const keys = serviceAccountTokens({ privateKey, issuer })
const at = { name: 'builder', namespace: 'default' }
const asked = {
  metadata: { name: 'key', namespace: 'default', annotations: { 'kubernetes.io/service-account.name': 'builder' } },
  type: 'kubernetes.io/service-account-token',
}
const start = () =>
  testCluster({
    controllers: [serviceAccountTokenController({ signer: keys, rootCa: 'PEM' }), legacyTokenCleanerController],
    policy: true,
  })
const gone = (error: unknown) => hasReason(error, 'NotFound')

function login(cluster: TestCluster, token: string) {
  const { client, clock } = cluster
  const lister = { get: () => undefined, list: () => [] } as never
  return secretTokenAuthenticator({ keys, lister, client, clock }).authenticateToken(token, [issuer])
}

test('serviceaccount-token-controller fills in a token, which opens the API until its account goes', async () => {
  await using cluster = await start()
  const { client } = cluster
  const account = await client.create(ServiceAccount, { metadata: at })
  await client.create(Secret, asked)
  await cluster.settle()
  const secret = await client.get(Secret, asked.metadata)
  const text = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString()
  assert.deepEqual([text('ca.crt'), text('namespace')], ['PEM', 'default'])
  assert.equal(secret.metadata.annotations?.['kubernetes.io/service-account.uid'], account.metadata.uid)
  const { user } = (await login(cluster, text('token')))!
  assert.deepEqual([user.name, user.uid], ['system:serviceaccount:default:builder', account.metadata.uid])
  const today = new Date(cluster.clock.now()).toISOString().slice(0, 10)
  const used = await client.get(Secret, secret.metadata)
  assert.equal(used.metadata.labels?.['kubernetes.io/legacy-token-last-used'], today)
  const mark = { metadata: { labels: { 'kubernetes.io/legacy-token-invalid-since': today } } }
  await client.patch(Secret, secret, { type: 'merge', body: mark })
  await assert.rejects(login(cluster, text('token')), /the token in secret default\/key .* has been marked invalid/)
  await client.delete(ServiceAccount, at)
  await cluster.settle()
  await assert.rejects(client.get(Secret, asked.metadata), gone)
  await assert.rejects(login(cluster, text('token')), /Token has been invalidated/)
  assert.deepEqual(cluster.errors, [])
})

test('serviceaccount-token-controller deletes a token for nobody, and the name of one that is gone', async () => {
  await using cluster = await start()
  const { client } = cluster
  await client.create(Secret, asked)
  await cluster.settle()
  await assert.rejects(client.get(Secret, asked.metadata), gone)
  await client.create(ServiceAccount, { metadata: at, secrets: [{ name: 'key' }, { name: 'other' }] })
  await client.create(Secret, asked)
  await cluster.settle()
  await client.delete(Secret, asked.metadata)
  await cluster.settle()
  assert.deepEqual((await client.get(ServiceAccount, at)).secrets, [{ name: 'other' }])
  assert.deepEqual(cluster.errors, [])
})

const day = 24 * 3600 * 1000
const year = 365 * day
const date = (time: number) => new Date(time).toISOString().slice(0, 10)
const now = Date.parse('2030-06-01T12:00:00Z')
const table: readonly [string, number, Record<string, string>, ReturnType<typeof planToken>][] = [
  ['a young one', day, {}, 'keep'],
  ['an old one that nobody used', 2 * year, {}, 'mark'],
  ['one that was used this year', 2 * year, { 'last-used': date(now - 300 * day) }, 'keep'],
  ['one that was used long ago', 3 * year, { 'last-used': date(now - 2 * year) }, 'mark'],
  ['one with a date that cannot be read', 3 * year, { 'last-used': 'soon' }, 'keep'],
  ['one that was marked this year', 3 * year, { 'invalid-since': date(now - 300 * day) }, 'keep'],
  ['one that was marked long ago', 3 * year, { 'invalid-since': date(now - 400 * day) }, 'delete'],
]
for (const [name, age, dates, step] of table) {
  test(`planToken(): ${name}`, () => {
    const labels = Object.fromEntries(Object.entries(dates).map(([key, value]) => [`kubernetes.io/legacy-token-${key}`, value]))
    const metadata = { name: 'key', labels, creationTimestamp: new Date(now - age).toISOString() }
    assert.equal(planToken({ type: asked.type, metadata } as never, now), step)
  })
}

test('legacy-serviceaccount-token-cleaner marks and then deletes what nobody uses, but nothing that a pod mounts', async () => {
  await using cluster = await start()
  const { client, clock } = cluster
  const since = date(clock.now())
  const tracking = { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: 'kube-system' }
  await client.create(ConfigMap, { metadata: tracking, data: { since } })
  await client.create(ServiceAccount, { metadata: at, secrets: [{ name: 'key' }, { name: 'mounted' }] })
  for (const name of ['key', 'mounted', 'by-hand'])
    await client.create(Secret, { ...asked, metadata: { ...asked.metadata, name } })
  await client.create(Pod, pod('p', { spec: { volumes: [{ name: 'v', secret: { secretName: 'mounted' } }] } }))
  await cluster.settle()
  const marks = async () =>
    (await cluster.list(Secret)).map(
      ({ metadata }) => `${metadata.name} ${Boolean(metadata.labels?.['kubernetes.io/legacy-token-invalid-since'])}`,
    )
  const pass = async (time: number) => {
    // Years without the many watches that would begin anew in them.
    clock.advanceTo(clock.now() + time)
    await cluster.advance(day)
  }
  await pass(300 * day)
  assert.deepEqual(await marks(), ['by-hand false', 'key false', 'mounted false'])
  await pass(70 * day)
  assert.deepEqual(await marks(), ['by-hand false', 'key true', 'mounted false'])
  await pass(370 * day)
  assert.deepEqual(await marks(), ['by-hand false', 'mounted false'])
  assert.deepEqual(cluster.errors, [])
})
