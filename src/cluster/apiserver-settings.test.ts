/** kube-apiserver's flags on a server with a real socket, before webhooks and issuers that are real HTTPS servers. */
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from 'node:tls'
import { defaultPlugins } from '#apiserver/admission/chain.ts'
import { listen } from '#apiserver/http/listen.ts'
import { publishStages } from '#apiserver/publish/publish.ts'
import { createApiServer } from '#apiserver/server.ts'
import { createClient } from '#client/typed-client.ts'
import { systemClock } from '#lib/clock.ts'
import { seededRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { openMemoryStore } from '#store/memory.ts'
import { http1Call, http2Client } from '#testing/http-clients.ts'
import { tlsBackend } from '#testing/tls-backend.ts'
import { readApiserverFlags } from './apiserver-flags.ts'
import { servingFrom } from './apiserver-serving.ts'
import { apiserverSettings } from './apiserver-settings.ts'
import { ensurePki, type Pki } from './pki.ts'
import { issueCertificate } from './pki-certificate.ts'

const files = mkdtempSync(join(tmpdir(), 'nami-apiserver-flags-'))
process.on('exit', () => rmSync(files, { recursive: true, force: true }))
let pki: Promise<Pki> | undefined
let count = 0

function file(text: string): string {
  const path = join(files, `file-${count++}`)
  writeFileSync(path, text)
  return path
}

/** Certificates live in real time; everything else waits for the test. */
function ownClock() {
  const virtual = new VirtualClock()
  const pass = (milliseconds: number) => {
    const target = virtual.now() + milliseconds
    while (virtual.runNext(target));
    virtual.advanceTo(target)
  }
  const clock = {
    now: () => systemClock.now(),
    monotonic: () => virtual.monotonic(),
    after: (delay: number, run: () => void) => virtual.after(delay, run),
  }
  return { clock, pass }
}

async function serverWith(line: Readonly<Record<string, string>>) {
  const { clock, pass } = ownClock()
  const random = seededRandom(1)
  const stop = new AbortController()
  const errors: string[] = []
  const log = {
    info: () => {},
    error: (doing: string, error: unknown) => void errors.push(`${doing}: ${(error as Error).message}`),
  }
  const own = await (pki ??= ensurePki(join(files, 'pki')))
  const read = readApiserverFlags(undefined, line)
  const parts = { clock, random, log, signal: stop.signal }
  const settings = await apiserverSettings(read, { ...parts, pki: own, config: { clusterDomain: 'cluster.local' } })
  const serving = servingFrom(read.flags, own, parts)
  const store = openMemoryStore({ clock })
  const server = await createApiServer({
    ...{ store, clock, random, createClient, tokens: settings.tokens, ...settings.options },
    publish: publishStages({
      ...{ kinds: () => server.registry.kinds.all(), gitVersion: 'v1.36.0', platform: 'linux/amd64' },
      ...{ tokens: settings.tokens, instruments: settings.instruments },
    }),
  })
  const listening = await listen(server, { ...serving.material, ...parts, host: '127.0.0.1', port: 0 })
  serving.follow(listening)
  const socket = { port: listening.port, pki: own } as never
  return {
    ...{ pass, errors, pki: own, socket, listening, settings, registry: server.registry },
    /** Status and message of one request of somebody whom only the token names. */
    async ask(request: `${string} /${string}`, token?: string, headers: Record<string, string> = {}, body?: string) {
      await using client = http2Client(socket, null)
      const answer = await client.call(request, { ...(token && { authorization: `Bearer ${token}` }), ...headers }, body)
      return { status: answer.status, json: safely(answer.text) }
    },
    /** Who the server takes somebody for. */
    async whoAmI(token?: string, headers: Record<string, string> = {}) {
      const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' })
      const path = 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews'
      const { status, json } = await this.ask(path, token, { 'content-type': 'application/json', ...headers }, body)
      return status === 201 ? json.status.userInfo : status
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await listening.close(0)
      await server.close()
      await store.close()
    },
  }
}

function safely(text: string): any {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function kubeconfig(port: number, caBundle: string): string {
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: `https://127.0.0.1:${port}/ask`, 'certificate-authority-data': caBundle } }],
  })
}

async function bodyOf(request: IncomingMessage): Promise<any> {
  return JSON.parse(Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString())
}

const everybody = { 'authorization-mode': 'AlwaysAllow' }

test('--token-auth-file, --anonymous-auth: static tokens, and nobody else', async () => {
  const tokens = file('secret-1,ann,u1,"dev,ops"\n\nsecret-2,bob,\n')
  await using server = await serverWith({ ...everybody, 'token-auth-file': tokens, 'anonymous-auth': 'false' })
  assert.deepEqual(await server.whoAmI('secret-1'), {
    ...{ username: 'ann', uid: 'u1', groups: ['dev', 'ops', 'system:authenticated'] },
  })
  assert.equal((await server.whoAmI('secret-2')).username, 'bob')
  assert.equal(await server.whoAmI('secret-3'), 401)
  assert.equal(await server.whoAmI(), 401)
})

test('--authentication-token-webhook-config-file: tokens that a webhook knows, asked once', async () => {
  const asked: any[] = []
  await using hook = await tlsBackend(async (request, response) => {
    const review = await bodyOf(request)
    asked.push(review)
    const isKnown = review.spec.token === 'good'
    if (review.spec.token === 'busy' && asked.length === 2) response.statusCode = 429
    const user = { username: 'eve', groups: ['g'], extra: { 'example.com/a': ['b'] } }
    response.end(JSON.stringify({ ...review, status: isKnown ? { authenticated: true, user } : { authenticated: false } }))
  })
  const config = file(kubeconfig(hook.port, hook.caBundle))
  await using server = await serverWith({ ...everybody, 'authentication-token-webhook-config-file': config })
  const user = { username: 'eve', groups: ['g', 'system:authenticated'], extra: { 'example.com/a': ['b'] } }
  assert.deepEqual(await server.whoAmI('good'), user)
  assert.deepEqual(await server.whoAmI('good'), user)
  assert.equal(asked.length, 1)
  assert.deepEqual(
    [asked[0].apiVersion, asked[0].spec],
    ['authentication.k8s.io/v1', { token: 'good', audiences: ['https://kubernetes.default.svc.cluster.local'] }],
  )
  server.pass(120_000)
  assert.equal(await server.whoAmI('bad'), 401)
  assert.deepEqual(await server.whoAmI('good'), user)
  assert.equal(asked.length, 3)
})

test('--authentication-config is followed: issuers, anonymous paths, and errors that change nothing', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await using issuer = await tlsBackend((request, response) => {
    const keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256', use: 'sig' }]
    response.end(JSON.stringify(request.url === '/jwks' ? { keys } : { issuer: url, jwks_uri: `${url}/jwks` }))
  })
  const url = `https://127.0.0.1:${issuer.port}`
  const jwt = {
    issuer: { url, certificateAuthority: Buffer.from(issuer.caBundle, 'base64').toString(), audiences: ['nami'] },
    claimMappings: { username: { expression: '"oidc:" + claims.sub' } },
  }
  const config = (more: object) =>
    JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', ...more })
  const path = file(config({ jwt: [jwt], anonymous: { enabled: true, conditions: [{ path: '/readyz' }] } }))
  await using server = await serverWith({ ...everybody, 'authentication-config': path })
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iss: url, aud: 'nami', sub: 'ann', exp: systemClock.now() / 1000 + 600 }
  const signed = `${encode({ alg: 'ES256', kid: 'k' })}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const token = `${signed}.${signature.toString('base64url')}`
  assert.equal((await server.whoAmI(token)).username, 'oidc:ann')
  assert.equal((await server.ask('GET /readyz')).status, 200)
  assert.equal((await server.ask('GET /version')).status, 401)

  writeFileSync(path, config({ jwt: [{ ...jwt, claimMappings: { username: { expression: 'claims.' } } }] }))
  server.pass(2_000)
  assert.equal((await server.whoAmI(token)).username, 'oidc:ann')
  assert.match(server.errors.join(), /username\.expression: Invalid value: "claims\.": compilation failed/)
  writeFileSync(path, config({ anonymous: { enabled: true } }))
  server.pass(2_000)
  assert.equal(await server.whoAmI(token), 401)
  assert.equal((await server.ask('GET /version')).status, 200)
})

test('--requestheader-*: the front proxy says who asks, and nobody else may', async () => {
  await using server = await serverWith({ ...everybody, 'requestheader-group-headers': 'X-My-Group' })
  const said = { 'x-remote-user': 'ann', 'x-my-group': 'dev', 'x-remote-extra-acme.com%2fproject': 'p' }
  const review = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' })
  const path = 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews'
  const as = async (identity: { key: string; certificate: string }) => {
    await using client = http2Client(server.socket, identity)
    return (await client.call(path, { ...said, 'content-type': 'application/json' }, review)).json
  }
  const { status } = await as(server.pki.frontProxyClient)
  assert.deepEqual(status.userInfo, {
    ...{ username: 'ann', groups: ['dev', 'system:authenticated'], extra: { 'acme.com/project': ['p'] } },
  })
  assert.equal((await as(server.pki.admin)).status.userInfo.username, 'kubernetes-admin')
  const validity = { now: systemClock.now(), days: 1 }
  const stranger = await issueCertificate(server.pki.frontProxyCa, { commonName: 'other', usages: ['client'] }, validity)
  assert.equal((await as(stranger)).code, 401)
  assert.equal(server.registry.identityHeaders?.groupHeaders?.[0], 'x-my-group')
})

test('--requestheader-*: a line is one value over both versions of HTTP', async () => {
  await using server = await serverWith(everybody)
  const review = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' })
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
  const groups = ['CN=a,OU=b', 'x,system:masters']
  const headers = { 'x-remote-user': 'ann', 'x-remote-group': groups, 'content-type': 'application/json' }
  const { certificate, key } = server.pki.frontProxyClient
  await using client = http2Client(server.socket, { certificate, key })
  const second = await client.call(`POST ${path}`, headers as never, review)
  const how = { method: 'POST', headers, body: review, cert: certificate, key }
  const first = await http1Call(server.socket, path, how)
  for (const { json } of [first, second]) {
    assert.deepEqual(json.status.userInfo, { username: 'ann', groups: [...groups, 'system:authenticated'] })
  }
})

test('--authorization-config: webhooks by condition, their failures, and what is read again', async () => {
  const asked: any[] = []
  let isBroken = false
  await using hook = await tlsBackend(async (request, response) => {
    const review = await bodyOf(request)
    asked.push(review.spec)
    if (isBroken) response.statusCode = 403
    const { user, resourceAttributes } = review.spec
    const status = { allowed: user === 'ann', denied: resourceAttributes?.resource === 'secrets', reason: 'said the hook' }
    response.end(JSON.stringify({ ...review, status: { ...status, allowed: status.allowed && !status.denied } }))
  })
  const config = (more: object) =>
    JSON.stringify({
      ...{ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthorizationConfiguration' },
      authorizers: [
        {
          ...{ type: 'Webhook', name: 'hook.example.com' },
          webhook: {
            ...{ timeout: '3s', subjectAccessReviewVersion: 'v1', matchConditionSubjectAccessReviewVersion: 'v1' },
            ...{ failurePolicy: 'Deny', authorizedTTL: '1m', unauthorizedTTL: '10s' },
            connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: file(kubeconfig(hook.port, hook.caBundle)) },
            matchConditions: [{ expression: 'has(request.resourceAttributes)' }],
            ...more,
          },
        },
        { type: 'RBAC', name: 'rbac' },
      ],
    })
  const path = file(config({}))
  const tokens = file('a,ann,1\nb,bob,2\n')
  await using server = await serverWith({ 'authorization-config': path, 'token-auth-file': tokens })
  const pods = 'GET /api/v1/namespaces/x/pods?labelSelector=a%3Db&fieldSelector=spec.nodeName%3Dn'
  assert.equal((await server.ask(pods, 'a')).status, 200)
  assert.equal((await server.ask(pods, 'a')).status, 200)
  assert.equal(asked.length, 1)
  assert.deepEqual(asked[0], {
    resourceAttributes: {
      ...{ namespace: 'x', verb: 'list', version: 'v1', resource: 'pods' },
      fieldSelector: { requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['n'] }] },
      labelSelector: { requirements: [{ key: 'a', operator: 'In', values: ['b'] }] },
    },
    ...{ user: 'ann', groups: ['system:authenticated'], uid: '1' },
  })
  assert.equal((await server.ask('GET /nowhere', 'a')).status, 403)
  assert.equal(asked.length, 1, 'the condition spares the webhook paths')
  const denied = await server.ask('GET /api/v1/secrets', 'a')
  assert.deepEqual([denied.status, /: said the hook$/.test(denied.json.message)], [403, true])

  isBroken = true
  const failed = await server.ask('GET /api/v1/namespaces/y/pods', 'a')
  assert.deepEqual(
    [failed.status, failed.json.message.startsWith('Internal Server Error: "/api/v1/namespaces/y/pods": ')],
    [500, true],
  )
  writeFileSync(path, config({ failurePolicy: 'Sometimes' }))
  server.pass(2_000)
  assert.match(server.errors.join(), /authorizers\[0\]\.failurePolicy: Unsupported value: "Sometimes"/)
  writeFileSync(path, config({ matchConditions: [{ expression: 'request.user == "bob"' }] }))
  server.pass(2_000)
  assert.equal((await server.ask(pods, 'a')).status, 403)
  const lines = server.settings.instruments.lines()
  const of = (text: string) => lines.filter((line) => line.includes(text))
  assert.deepEqual(of('config_controller_automatic_reloads_total{').length, 2)
  assert.equal(of('decisions_total{decision="denied",name="hook.example.com",type="Webhook"}')[0]?.split(' ')[1], '2')
})

const refused = [
  [{ 'authorization-mode': 'Magic' }, 'authorization-mode "Magic" is not a valid mode'],
  [{ 'authorization-mode': 'Webhook' }, "authorization-mode Webhook's authorization config file not passed"],
  [
    { 'authorization-config': '/x', 'authorization-mode': 'RBAC' },
    '--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined',
  ],
  [
    { 'oidc-issuer-url': 'https://a' },
    'oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set',
  ],
  [
    { 'oidc-issuer-url': 'https://a', 'oidc-client-id': 'x', 'authentication-config': '/x' },
    'authentication-config file and oidc-* flags are mutually exclusive',
  ],
  [
    { 'oidc-issuer-url': 'http://a', 'oidc-client-id': 'x' },
    'jwt[0].issuer.url: Invalid value: "http://a": URL scheme must be https',
  ],
  [
    { 'oidc-issuer-url': 'https://kubernetes.default.svc.cluster.local', 'oidc-client-id': 'x' },
    'jwt[0].issuer.url: Invalid value: "https://kubernetes.default.svc.cluster.local": URL must not overlap with disallowed issuers: [https://kubernetes.default.svc.cluster.local]',
  ],
  [{ 'max-requests-inflight': 'many' }, 'invalid argument "many" for "--max-requests-inflight" flag: want a number'],
  [{ 'tls-min-version': 'SSL' }, 'unknown tls version "SSL", want VersionTLS12, VersionTLS13'],
  [
    { 'service-account-max-token-expiration': '1m' },
    'the service-account-max-token-expiration must be between 1 hour and 2^32 seconds',
  ],
  [{ 'no-such-flag': '1' }, 'unknown flag no-such-flag'],
  [{ 'livez-grace-period': '-1s' }, '--livez-grace-period can not be a negative value'],
  [{ 'tls-curve-preferences': '29,0' }, 'curve preference 0 is out of range (must be 1-65535)'],
  [{ 'tls-curve-preferences': '29,29' }, 'duplicate curve preference 29'],
  [{ 'tls-curve-preferences': '30' }, 'curve preference 30 is not supported by the current Go version'],
  [
    { 'feature-gates': 'Magic=true' },
    'invalid argument "Magic=true" for "--feature-gates" flag: unrecognized feature gate: Magic',
  ],
] as const
for (const [line, message] of refused) {
  test(`a server with ${JSON.stringify(line)} does not start`, async () => {
    await assert.rejects(serverWith(line), { message })
  })
}

test('--service-account-*: former issuers are taken, long tokens shortened with a warning', async () => {
  const flags = { 'service-account-issuer': 'https://new,https://old', 'service-account-max-token-expiration': '2h' }
  await using server = await serverWith({ ...everybody, ...flags })
  const { tokens } = server.settings
  assert.deepEqual([tokens.issuer, tokens.maxExpirationSeconds], ['https://new', 7200])
  const claims = Buffer.from(JSON.stringify({ iss: 'https://old' })).toString('base64url')
  assert.equal(tokens.isOurs(`a.${claims}.c`), true)

  const json = { 'content-type': 'application/json' }
  const account = JSON.stringify({ metadata: { name: 'web' } })
  await server.ask('POST /api/v1/namespaces', undefined, json, JSON.stringify({ metadata: { name: 'shop' } }))
  await server.ask('POST /api/v1/namespaces/shop/serviceaccounts', undefined, json, account)
  const kind = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' }
  const path = 'POST /api/v1/namespaces/shop/serviceaccounts/web/token'
  await using client = http2Client(server.socket, null)
  const answer = await client.call(path, json, JSON.stringify({ ...kind, spec: { expirationSeconds: 86_400 } }))
  assert.equal(answer.headers.warning, '299 - "requested expiration of 86400 seconds shortened to 7200 seconds"')
  assert.equal(answer.json.spec.expirationSeconds, 7200)
  assert.equal((await server.whoAmI(answer.json.status.token)).username, 'system:serviceaccount:shop:web')
})

test('--goaway-chance, --request-timeout and the rest are shown by name, with their values', () => {
  const { flags, shown, given } = readApiserverFlags(undefined, { 'request-timeout': '30s', 'goaway-chance': '0.01' })
  assert.deepEqual([flags['request-timeout'], flags['goaway-chance'], flags['max-requests-inflight']], [30_000, 0.01, 400])
  assert.deepEqual([shown['request-timeout'], shown['authorization-mode']], ['30s', '[Node,RBAC]'])
  assert.deepEqual([...given], ['request-timeout', 'goaway-chance'])
})

test('--feature-gates turns off what it names, and the metric says so', async () => {
  const names = ['WatchList', 'MutatingAdmissionPolicy', 'ComponentFlagz']
  await using server = await serverWith({ ...everybody, 'feature-gates': names.map((name) => `${name}=false`).join(',') })
  const path = '/api/v1/pods?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan'
  const { status, json } = await server.ask(`GET ${path}`)
  assert.equal(status, 422)
  const why =
    'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled'
  assert.equal(json.message, `ListOptions.meta.k8s.io "" is invalid: ${why}`)
  const lines = server.settings.instruments.lines()
  assert.ok(lines.includes('kubernetes_feature_enabled{name="WatchList",stage="BETA"} 0'))
  assert.ok(lines.includes('kubernetes_feature_enabled{name="CRDValidationRatcheting",stage=""} 1'))
  assert.deepEqual(
    server.settings.measured(defaultPlugins).filter(({ name }) => names.includes(name)),
    [],
  )
})

test('certificates that lie in files are shown, and exchanged when the files change', async () => {
  const validity = { now: systemClock.now(), days: 1 }
  const own = await (pki ??= ensurePki(join(files, 'pki')))
  const pair = (commonName: string) =>
    issueCertificate(own.ca, { commonName, dnsNames: ['localhost'], addresses: ['127.0.0.1'], usages: ['server'] }, validity)
  const [first, second] = [await pair('first'), await pair('second')]
  const [certificate, key] = [file(first.certificate), file(first.key)]
  await using server = await serverWith({ ...everybody, 'tls-cert-file': certificate, 'tls-private-key-file': key })
  const shownTo = async () => {
    const socket = connect({ port: server.listening.port, host: '127.0.0.1', ca: own.ca.certificate })
    await once(socket, 'secureConnect')
    const { subject } = socket.getPeerCertificate()
    socket.destroy()
    return subject.CN
  }
  await using client = http2Client(server.socket, null)
  assert.equal((await client.call('GET /version')).status, 200)
  assert.equal(await shownTo(), 'first')
  writeFileSync(certificate, second.certificate)
  server.pass(2_000)
  assert.equal(await shownTo(), 'first', 'half of a new pair is no pair')
  assert.match(server.errors.join(), /reading certificates: .*key values mismatch/)
  writeFileSync(key, second.key)
  server.pass(2_000)
  assert.equal(await shownTo(), 'second')
  assert.equal((await client.call('GET /version')).status, 200)
})
