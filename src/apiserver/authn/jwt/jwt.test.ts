import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { test } from 'node:test'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { type TlsBackend, tlsBackend } from '#testing/tls-backend.ts'
import { jwtAuthenticator } from './authenticator.ts'
import { type JwtConfig, parseAuthenticationConfig } from './configuration.ts'

interface Key {
  readonly id: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

function newKey(id: string): Key {
  return { id, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) }
}

function tokenOf({ id, privateKey }: Key, claims: object, alg = 'ES256'): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${encode({ alg, kid: id })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

/** An issuer on loopback whose keys may be exchanged. */
async function issuer(keys: Key[]): Promise<TlsBackend & { url: string; asked: string[] }> {
  const asked: string[] = []
  const backend = await tlsBackend((request, response) => {
    asked.push(request.url ?? '')
    const jwks = {
      keys: keys.map(({ id, publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid: id, alg: 'ES256', use: 'sig' })),
    }
    const body = request.url === '/jwks' ? jwks : { issuer: url, jwks_uri: `${url}/jwks` }
    response.end(JSON.stringify(body))
  })
  const url = `https://127.0.0.1:${backend.port}`
  return Object.assign(backend, { url, asked })
}

function configOf({ url, caBundle }: { url: string; caBundle: string }, more: Partial<JwtConfig> = {}): JwtConfig {
  return {
    issuer: { url, certificateAuthority: Buffer.from(caBundle, 'base64').toString(), audiences: ['nami'] },
    claimMappings: { username: { claim: 'sub', prefix: 'oidc:' }, groups: { claim: 'groups', prefix: '' } },
    ...more,
  }
}

const audiences = ['https://kubernetes.default.svc']

test('jwtAuthenticator() reads users out of claims, and follows an issuer that changes its keys', async () => {
  const clock = new VirtualClock()
  const keys = [newKey('one')]
  await using backend = await issuer(keys)
  const { authenticateToken } = jwtAuthenticator({ config: configOf(backend), clock, audiences })
  const exp = clock.now() / 1000 + 60
  const claims = { iss: backend.url, aud: 'nami', sub: 'ann', groups: ['dev'], exp, jti: 'j1' }
  const known = await authenticateToken(tokenOf(keys[0] as Key, claims), audiences)
  const extra = { 'authentication.kubernetes.io/credential-id': ['JTI=j1'] }
  assert.deepEqual(known?.user, { name: 'oidc:ann', groups: ['dev'], extra })
  await authenticateToken(tokenOf(keys[0] as Key, claims), audiences)
  assert.deepEqual(backend.asked, ['/.well-known/openid-configuration', '/jwks'])

  const stranger = tokenOf(newKey('one'), claims)
  await assert.rejects(authenticateToken(stranger, audiences), /failed to verify id token signature/)
  assert.equal(backend.asked.length, 2, 'wrong signatures do not make it ask again and again')
  keys[0] = newKey('two')
  clock.advanceTo(clock.now() + 10_000)
  assert.equal((await authenticateToken(tokenOf(keys[0], claims), audiences))?.user.name, 'oidc:ann')
  assert.equal(await authenticateToken(tokenOf(keys[0], { ...claims, iss: 'https://other' }), audiences), undefined)
  assert.equal(await authenticateToken('no jwt', audiences), undefined)
  const none = `${tokenOf(keys[0], claims, 'none').split('.').slice(0, 2).join('.')}.`
  await assert.rejects(authenticateToken(none, audiences), /unexpected signature algorithm "none"/)
  await assert.rejects(authenticateToken(tokenOf(keys[0], { ...claims, aud: 'x' }), audiences), {
    message: 'oidc: verify token: oidc: expected audience in ["nami"] got ["x"]',
  })
  await assert.rejects(authenticateToken(tokenOf(keys[0], { ...claims, exp: 1 }), audiences), /token is expired/)
})

test('jwtAuthenticator() maps and validates by CEL', async () => {
  const clock = new VirtualClock()
  const keys = [newKey('one')]
  await using backend = await issuer(keys)
  const config = configOf(backend, {
    claimMappings: {
      username: { expression: 'claims.email.split("@")[0]' },
      groups: { expression: 'claims.roles.split(",")' },
      uid: { expression: 'claims.oid' },
      extra: [{ key: 'example.com/tenant', valueExpression: 'claims.tenant' }],
    },
    claimValidationRules: [
      { expression: 'claims.exp - claims.nbf <= 3600', message: 'too long' },
      { claim: 'hd', requiredValue: 'example.com' },
    ],
    userValidationRules: [{ expression: '!user.username.startsWith("system:")', message: 'reserved' }],
  })
  const { authenticateToken } = jwtAuthenticator({ config, clock, audiences })
  const now = clock.now() / 1000
  const claims = {
    iss: backend.url,
    aud: ['nami'],
    email: 'ann@example.com',
    roles: 'a,b',
    oid: '7',
    tenant: 't',
    hd: 'example.com',
    nbf: now,
    exp: now + 60,
  }
  const ask = (more: object) => authenticateToken(tokenOf(keys[0] as Key, { ...claims, ...more }), audiences)
  assert.deepEqual((await ask({}))?.user, { name: 'ann', groups: ['a', 'b'], uid: '7', extra: { 'example.com/tenant': ['t'] } })
  await assert.rejects(ask({ exp: now + 7200 }), {
    message:
      "oidc: error evaluating claim validation expression: validation expression 'claims.exp - claims.nbf <= 3600' failed: too long",
  })
  await assert.rejects(ask({ hd: 'evil.com' }), {
    message: 'oidc: required claim hd value does not match. Got = evil.com, want = example.com',
  })
  await assert.rejects(ask({ email: 'system:admin@example.com' }), /reserved/)
})

test('jwtAuthenticator() has no egress selectors, and says so', () => {
  const config = configOf({ url: 'https://a', caBundle: '' })
  const issuerOf = { ...config.issuer, egressSelectorType: 'cluster' }
  assert.throws(() => jwtAuthenticator({ config: { ...config, issuer: issuerOf }, clock: new VirtualClock(), audiences }), {
    message: 'oidc: egress lookup required with egress selector type "cluster"',
  })
})

interface Place {
  readonly status?: number
  readonly body?: string
}

/** Where claims stand: an issuer of its own, and what it was asked with. */
async function claimHolder(key: Key, answer: (url: string) => Place) {
  const seen: (string | undefined)[] = []
  const backend = await tlsBackend((request, response) => {
    if (request.url === '/groups') {
      seen.push(request.headers.authorization)
      const { status = 200, body = '' } = answer(url)
      return void response.writeHead(status).end(body)
    }
    const jwk = { ...key.publicKey.export({ format: 'jwk' }), kid: key.id, alg: 'ES256', use: 'sig' }
    response.end(JSON.stringify(request.url === '/jwks' ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/jwks` }))
  })
  const url = `https://127.0.0.1:${backend.port}`
  return Object.assign(backend, { url, seen })
}

test('jwtAuthenticator() fetches groups that stand elsewhere, and believes only what is signed there', async () => {
  const clock = new VirtualClock()
  const [key, other] = [newKey('one'), newKey('two')]
  const exp = clock.now() / 1000 + 60
  let place: (url: string) => Place = (iss) => ({ body: tokenOf(other, { iss, aud: 'nami', exp, groups: ['dev', 'ops'] }) })
  await using backend = await issuer([key])
  await using holder = await claimHolder(other, (url) => place(url))
  const bundle = [backend, holder].map(({ caBundle }) => Buffer.from(caBundle, 'base64').toString()).join('\n')
  const config = configOf({ url: backend.url, caBundle: Buffer.from(bundle).toString('base64') })
  const { authenticateToken } = jwtAuthenticator({ config, clock, audiences })
  const elsewhere = {
    _claim_names: { groups: 'src' },
    _claim_sources: { src: { endpoint: `${holder.url}/groups`, access_token: 'f005ba11' } },
  }
  const ask = async (more: object) => {
    const claims = { iss: backend.url, aud: 'nami', sub: 'ann', exp, ...more }
    return (await authenticateToken(tokenOf(key, claims), audiences))?.user.groups
  }
  assert.deepEqual(await ask(elsewhere), ['dev', 'ops'])
  assert.deepEqual(holder.seen, ['Bearer f005ba11'])
  assert.deepEqual(await ask({ ...elsewhere, groups: ['own'] }), ['own'])
  assert.deepEqual(await ask({ ...elsewhere, _claim_names: { roles: 'src' } }), [])
  assert.deepEqual(await ask({ ...elsewhere, _claim_sources: { src: { JWT: 'x' } } }), [])
  assert.equal(holder.seen.length, 1)
  const why = 'oidc: could not expand distributed claims: '
  await assert.rejects(ask({ _claim_names: { groups: 'src' } }), { message: `${why}oidc: no claim sources` })
  await assert.rejects(ask({ ...elsewhere, _claim_names: { groups: 'x' } }), {
    message: `${why}id token _claim_names contained a source x missing in _claims_sources`,
  })
  await assert.rejects(ask({ ...elsewhere, _claim_names: [] }), /error parsing distributed claim names/)
  await assert.rejects(ask({ ...elsewhere, _claim_sources: { src: { endpoint: 7 } } }), /could not parse claim sources/)
  place = (iss) => ({ body: tokenOf(newKey('two'), { iss, aud: 'nami', exp, groups: ['system:masters'] }) })
  await assert.rejects(ask(elsewhere), /verify distributed claim token: failed to verify signature/)
  place = (iss) => ({ body: tokenOf(other, { iss, aud: 'somebody', exp, groups: ['system:masters'] }) })
  await assert.rejects(ask(elsewhere), /verify distributed claim token: oidc: expected audience/)
  place = (iss) => ({ body: tokenOf(other, { iss, aud: 'nami', exp }) })
  await assert.rejects(ask(elsewhere), /did not contain claim: groups$/)
  place = () => ({ body: 'no jwt' })
  await assert.rejects(ask(elsewhere), /getting untrusted issuer from endpoint .* failed for claim "groups"/)
  place = () => ({ status: 403 })
  await assert.rejects(ask(elsewhere), {
    message: `${why}while getting distributed claim "groups": error while getting distributed claim JWT: 403 Forbidden`,
  })
})

const invalid = [
  {
    jwt: '[{issuer: {url: "http://a", audiences: [a]}, claimMappings: {username: {claim: sub, prefix: ""}}}]',
    message: /jwt\[0\]\.issuer\.url: Invalid value: "http:\/\/a": URL scheme must be https/,
  },
  {
    jwt: '[{issuer: {url: "https://a", audiences: [a], egressSelectorType: etcd}, claimMappings: {username: {claim: sub, prefix: ""}}}]',
    message: /egressSelectorType: Invalid value: "etcd": egress selector must be either controlplane or cluster/,
  },
  {
    jwt: '[{issuer: {url: "https://a"}, claimMappings: {username: {claim: sub, prefix: ""}}}]',
    message: /jwt\[0\]\.issuer\.audiences: Required value: at least one jwt\[0\]\.issuer\.audiences is required/,
  },
  {
    jwt: '[{issuer: {url: "https://a", audiences: [a]}, claimMappings: {}}]',
    message: /username: Required value: claim or expression is required/,
  },
  {
    jwt: '[{issuer: {url: "https://a", audiences: [a]}, claimMappings: {username: {expression: "claims."}}}]',
    message: /compilation failed/,
  },
]
for (const { jwt, message } of invalid) {
  test(`parseAuthenticationConfig() refuses ${jwt}`, () => {
    const text = `apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: ${jwt}`
    assert.throws(() => parseAuthenticationConfig(text), message)
  })
}
