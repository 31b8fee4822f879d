import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#api/core/v1/secret.ts'
import type { User } from '#apiserver/request.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { StatusError } from '#schema/status-error.ts'
import { listerOf } from '#testing/lister.ts'
import { networkRequest } from '#testing/requests.ts'
import { anonymousAuthenticator } from './anonymous.ts'
import { authenticate } from './authenticate.ts'
import { bearerToken, bearerTokenAuthenticator } from './bearer-token.ts'
import { bootstrapGroups, bootstrapTokenAuthenticator } from './bootstrap-token.ts'
import { certificateAuthenticator } from './certificate.ts'
import { splitServiceAccountUsername } from './service-account-user.ts'
import { staticTokenAuthenticator } from './static-token.ts'

const audiences = ['api']
const ann: User = { name: 'ann', groups: ['dev'] }
const tokens = [staticTokenAuthenticator([{ token: 'secret', user: ann }], audiences)]
const order = [bearerTokenAuthenticator({ tokens, audiences }), anonymousAuthenticator]
const unauthorized = (error: unknown) => error instanceof StatusError && error.code === 401 && error.message === 'Unauthorized'

test('authenticate() knows callers by their credentials', async () => {
  assert.deepEqual(await authenticate(order, networkRequest({ authorization: 'Bearer secret' })), {
    name: 'ann',
    groups: ['dev', 'system:authenticated'],
  })
  assert.deepEqual(await authenticate(order, networkRequest()), { name: 'system:anonymous', groups: ['system:unauthenticated'] })
})

test('authenticate() takes in-process callers at their word', async () => {
  const request = networkRequest({}, { origin: { type: 'in-process', user: ann } })
  assert.deepEqual((await authenticate([], request)).groups, ['dev', 'system:authenticated'])
})

test('authenticate() makes nobody anonymous who shows something wrong', async () => {
  await assert.rejects(async () => authenticate(order, networkRequest({ authorization: 'Bearer wrong' })), unauthorized)
  await assert.rejects(async () => authenticate([order[0]!], networkRequest()), unauthorized)
})

test('bearerToken() finds the token where clients put it', () => {
  const encoded = Buffer.from('abc').toString('base64url')
  const cases: [Record<string, string>, string | undefined][] = [
    [{}, undefined],
    [{ authorization: 'Bearer abc' }, 'abc'],
    [{ authorization: '  bearer abc  ' }, 'abc'],
    [{ authorization: 'Bearer  abc' }, undefined],
    [{ authorization: 'Bearer' }, undefined],
    [{ authorization: 'Basic abc' }, undefined],
    [
      { upgrade: 'websocket', 'sec-websocket-protocol': `v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.${encoded}` },
      'abc',
    ],
    [{ 'sec-websocket-protocol': `base64url.bearer.authorization.k8s.io.${encoded}` }, undefined],
  ]
  for (const [headers, expected] of cases) assert.equal(bearerToken(networkRequest(headers)), expected, JSON.stringify(headers))
})

const bootstrap = (over: Record<string, string> = {}, secret: object = {}) => ({
  metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
  type: 'bootstrap.kubernetes.io/token',
  data: Object.fromEntries(
    Object.entries({
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      ...over,
    }).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  ),
  ...secret,
})

test('bootstrapTokenAuthenticator() accepts only tokens that may be used', async () => {
  const token = 'abcdef.0123456789abcdef'
  const user = { name: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] }
  const cases: [object, string, User | undefined][] = [
    [bootstrap(), token, user],
    [bootstrap(), 'abcdef.0123456789abcdeF', undefined],
    [bootstrap(), 'abcdef.0000000000000000', undefined],
    [bootstrap({ expiration: '2025-12-31T00:00:00Z' }), token, undefined],
    [bootstrap({ expiration: '2026-12-31T00:00:00Z' }), token, user],
    [bootstrap({ expiration: 'soon' }), token, undefined],
    [bootstrap({ 'usage-bootstrap-authentication': '' }), token, undefined],
    [bootstrap({ 'auth-extra-groups': 'system:bootstrappers:a,dev' }), token, undefined],
    [
      bootstrap({ 'auth-extra-groups': 'system:bootstrappers:a' }),
      token,
      { ...user, groups: ['system:bootstrappers', 'system:bootstrappers:a'] },
    ],
    [bootstrap({}, { type: 'Opaque' }), token, undefined],
  ]
  for (const [secret, shown, expected] of cases) {
    const lister = listerOf([Secret, [secret]])
    const authenticator = bootstrapTokenAuthenticator({ lister, clock: new VirtualClock(), audiences })
    assert.deepEqual((await authenticator.authenticateToken(shown, audiences))?.user, expected)
  }
})

test('bootstrapGroups() wants bootstrappers', () => {
  assert.equal(bootstrapGroups('system:masters'), undefined)
  assert.equal(bootstrapGroups('system:bootstrappers:'), undefined)
  assert.deepEqual(bootstrapGroups('system:bootstrappers:b,system:bootstrappers:a'), [
    'system:bootstrappers',
    'system:bootstrappers:a',
    'system:bootstrappers:b',
  ])
})

test('splitServiceAccountUsername() accepts what could exist', () => {
  assert.deepEqual(splitServiceAccountUsername('system:serviceaccount:default:builder'), {
    namespace: 'default',
    name: 'builder',
  })
  for (const name of ['ann', 'system:serviceaccount:default', 'system:serviceaccount:a:b:c', 'system:serviceaccount:A:b']) {
    assert.equal(splitServiceAccountUsername(name), undefined, name)
  }
})

test('certificateAuthenticator() reads subject and dates', async () => {
  const { issueAuthority, issueCertificate } = await import('#cluster/pki-certificate.ts')
  const clock = new VirtualClock()
  const validity = { now: clock.now(), days: 1 }
  const ca = await issueAuthority('ca', validity)
  const groups = ['system:nodes', 'Büro, Süd']
  const request = { commonName: 'system:node:n1', organizations: groups, usages: ['client'] as const }
  const { certificate } = await issueCertificate(ca, request, validity)
  const der = Buffer.from(certificate.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const shown = networkRequest({}, { origin: { type: 'network', remoteAddress: '127.0.0.1', certificate: der } })
  const authenticator = certificateAuthenticator({ clock })
  const user = await authenticator.authenticate(shown)
  assert.equal(user?.name, 'system:node:n1')
  assert.deepEqual(user?.groups, groups)
  assert.match(user?.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '', /^X509SHA256=[0-9a-f]{64}$/)

  clock.advanceTo(clock.now() + 25 * 3600 * 1000)
  await assert.rejects(async () => authenticator.authenticate(shown), unauthorized)
  const broken = networkRequest({}, { origin: { type: 'network', remoteAddress: '', certificate: der.subarray(0, 50) } })
  await assert.rejects(async () => authenticator.authenticate(broken), /malformed/)
  assert.equal(await authenticator.authenticate(networkRequest()), undefined)
})
