import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { TokenRequest } from '#api/authentication/v1/token-request.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { ServiceAccount } from '#api/core/v1/service-account.ts'
import { edit } from '#client/client.ts'
import { testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
import { serviceAccountAuthenticator } from './authn/service-account.ts'
import { serviceAccountTokens } from './service-account-tokens.ts'
import { requestToken } from './token-request.ts'

const issuer = 'https://kubernetes.default.svc.cluster.local'

function key(type: 'ec' | 'rsa'): string {
  const { privateKey } =
    type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}

const account: any = { metadata: { name: 'builder', namespace: 'default', uid: 'u1' } }
const wanted = { audiences: [issuer], expirationSeconds: 3600, now: Date.now(), jti: 'id' }

for (const type of ['ec', 'rsa'] as const) {
  test(`serviceAccountTokens() signs with ${type} what others can verify`, async () => {
    const tokens = serviceAccountTokens({ privateKey: key(type), issuer })
    const token = await tokens.createToken(account, wanted)
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(tokens.jwks() as any), {
      issuer,
      audience: issuer,
    })
    assert.equal(payload.sub, 'system:serviceaccount:default:builder')
    assert.equal(protectedHeader.alg, type === 'ec' ? 'ES256' : 'RS256')
    assert.equal((await tokens.verify(token)).jti, 'id')
  })
}

test('verify() accepts former keys and no forgeries', async () => {
  const [first, second] = [key('ec'), key('ec')]
  const former = await serviceAccountTokens({ privateKey: first, issuer }).createToken(account, wanted)
  const { sub } = await serviceAccountTokens({ privateKey: second, formerKeys: [first], issuer }).verify(former)
  assert.equal(sub, 'system:serviceaccount:default:builder')
  const tokens = serviceAccountTokens({ privateKey: second, issuer })
  assert.throws(() => tokens.verify(former), /failed to verify token signature/)
  const [, payload] = former.split('.')
  const none = Buffer.from('{"alg":"none"}').toString('base64url')
  assert.throws(() => tokens.verify(`${none}.${payload}.`), /failed to verify token signature/)
  assert.equal(tokens.isOurs(former), true)
  assert.equal(tokens.isOurs('abc'), false)
})

test('openidConfiguration() says where the keys are', () => {
  assert.deepEqual(serviceAccountTokens({ privateKey: key('ec'), issuer }).openidConfiguration(), {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  })
})

async function bed() {
  const cluster = await testCluster()
  const { client, clock, random } = cluster
  await client.create(ServiceAccount, { metadata: { name: 'builder', namespace: 'default' } })
  const tokens = serviceAccountTokens({ privateKey: key('ec'), issuer })
  const request = (spec: object, metadata: object = {}) =>
    requestToken(
      { namespace: 'default', name: 'builder' },
      { apiVersion: TokenRequest.apiVersion, kind: TokenRequest.kind, metadata, spec } as any,
      { tokens, client, clock, random },
    )
  const authenticator = serviceAccountAuthenticator({ keys: tokens, lister: cluster.server.lister, client, clock })
  const whoIs = async (token: string) => (await authenticator.authenticateToken(token, [issuer]))?.user
  return { cluster, client, clock, request, whoIs, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() }
}

test('requestToken() grants a token that says who, for an hour', async () => {
  await using at = await bed()
  const { status, spec, metadata } = await at.request({})
  assert.deepEqual(spec.audiences, [issuer])
  assert.equal(spec.expirationSeconds, 3600)
  assert.equal(metadata.name, 'builder')
  assert.equal(status.expirationTimestamp, '2026-01-01T01:00:00Z')
  const user = await at.whoIs(status.token)
  assert.equal(user?.name, 'system:serviceaccount:default:builder')
  assert.deepEqual(user?.groups, ['system:serviceaccounts', 'system:serviceaccounts:default'])
  assert.match(user?.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '', /^JTI=/)
  at.clock.advanceTo(at.clock.now() + 3700_000)
  await assert.rejects(at.whoIs(status.token), /service account token has expired/)
})

test('requestToken() refuses what upstream refuses', async () => {
  await using at = await bed()
  await at.client.create(Pod, pod('other', { spec: { serviceAccountName: 'someone' } }))
  const cases: [object, object, RegExp][] = [
    [
      { expirationSeconds: 599 },
      {},
      /^TokenRequest\.authentication\.k8s\.io "" is invalid: spec\.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes$/,
    ],
    [{ expirationSeconds: 2 ** 33 }, {}, /may not specify a duration larger than 2\^32 seconds/],
    [{}, { name: 'x' }, /metadata\.name: Invalid value: "x": must match the service account name if specified/],
    [
      { boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'a' } },
      {},
      /^cannot bind token to object of type \/v1, Kind=ConfigMap$/,
    ],
    [{ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'gone' } }, {}, /pods "gone" not found/],
    [
      { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'other' } },
      {},
      /cannot bind token for serviceaccount "builder" to pod running with different serviceaccount name\./,
    ],
  ]
  for (const [spec, metadata, message] of cases) await assert.rejects(at.request(spec, metadata), { message })
})

test('a token dies with the pod that it is bound to', async () => {
  await using at = await bed()
  const spec = { serviceAccountName: 'builder', nodeName: 'n1' }
  const { metadata } = await at.client.create(Pod, pod('web', { spec }))
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'web', uid: metadata.uid }
  const { status } = await at.request({ boundObjectRef, expirationSeconds: 3607 })
  assert.deepEqual((await at.whoIs(status.token))?.extra?.['authentication.kubernetes.io/pod-name'], ['web'])
  assert.deepEqual((await at.whoIs(status.token))?.extra?.['authentication.kubernetes.io/node-name'], ['n1'])
  await at.client.delete(Pod, metadata, { gracePeriodSeconds: 0 })
  await assert.rejects(at.whoIs(status.token), /service account token has been invalidated/)
  await at.client.create(Pod, pod('web', { spec }))
  await assert.rejects(at.whoIs(status.token), /pod UID \(.*\) does not match service account pod ref claim/)
})

test('a token dies with its account, also when one of the same name follows', async () => {
  await using at = await bed()
  const secret = await at.client.create(Secret, { metadata: { name: 's', namespace: 'default' } })
  const { status } = await at.request({
    boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 's', uid: secret.metadata.uid },
  })
  assert.ok(await at.whoIs(status.token))
  const current = edit(await at.client.get(ServiceAccount, { name: 'builder', namespace: 'default' }))
  await at.client.delete(ServiceAccount, current)
  await assert.rejects(at.whoIs(status.token), /serviceaccounts "builder" not found/)
  await at.client.create(ServiceAccount, { metadata: { name: 'builder', namespace: 'default' } })
  await assert.rejects(at.whoIs(status.token), /service account UID \(.*\) does not match claim/)
})
