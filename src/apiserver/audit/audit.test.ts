import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get as httpsGet } from 'node:https'
import { test } from 'node:test'
import { ConfigMap } from '#api/core/v1/config-map.ts'
import { Secret } from '#api/core/v1/secret.ts'
import { defaultGates } from '#api/feature-gates.ts'
import { systemClock } from '#lib/clock.ts'
import { seededRandom, systemRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { StatusError } from '#schema/status-error.ts'
import { testCluster } from '#testing/cluster.ts'
import { listenOnLoopback } from '#testing/loopback.ts'
import { networkRequest } from '#testing/requests.ts'
import { send } from '#testing/send.ts'
import { tlsBackend } from '#testing/tls-backend.ts'
import { removedRelease } from '../removed-release.ts'
import type { Request, Response, Stage } from '../request.ts'
import { impersonate } from '../stages/identify.ts'
import { webhookTarget } from '../webhook-target.ts'
import { batchingBackend } from './batch.ts'
import type { AuditBackend, AuditEvent } from './event.ts'
import { logLine } from './log-line.ts'
import { parseAuditPolicy } from './policy.ts'
import type { AuditRecord } from './record.ts'
import { audit, auditRefusals } from './stage.ts'
import { truncatingBackend } from './truncate.ts'
import { auditWebhook } from './webhook.ts'

const policyText = (rules: string) => `apiVersion: audit.k8s.io/v1\nkind: Policy\n${rules}`

function memory(): AuditBackend & { readonly events: AuditEvent[] } {
  const events: AuditEvent[] = []
  return { name: 'memory', events, take: (more) => void events.push(...more), close: async () => {} }
}

const invalid = [
  { rules: 'rules: []', message: 'loaded illegal policy with 0 rules' },
  { rules: 'rules: [{}]', message: 'rules[0].level: Required value' },
  {
    rules: 'rules: [{level: All}]',
    message: 'rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"',
  },
  {
    rules: 'omitStages: [Start]\nrules: [{level: None}]',
    message: 'omitStages[0]: Invalid value: "Start": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic',
  },
  {
    rules: 'rules: [{level: None, nonResourceURLs: [logs], namespaces: [a]}]',
    message:
      `rules[0].nonResourceURLs[0]: Invalid value: "logs": non-resource URL rules must begin with a '/' character\n` +
      'rules[0].nonResourceURLs: Invalid value: ["logs"]: rules cannot apply to both regular resources and non-resource URLs',
  },
]

for (const { rules, message } of invalid) {
  test(`parseAuditPolicy() refuses ${rules.replaceAll('\n', ' ')}`, () => {
    assert.throws(() => parseAuditPolicy(policyText(rules)), { message })
  })
}

const asked = {
  user: { name: 'ann', groups: ['dev'] },
  ...{ verb: 'get', isResource: true, path: '/api/v1/namespaces/a/pods/p/log', group: '', version: 'v1' },
  ...{ resource: 'pods', subresource: 'log', namespace: 'a', name: 'p' },
}
const rules = [
  { rule: '{level: Metadata}', matches: true },
  { rule: '{level: Metadata, users: [bob]}', matches: false },
  { rule: '{level: Metadata, userGroups: [dev, ops]}', matches: true },
  { rule: '{level: Metadata, verbs: [list]}', matches: false },
  { rule: '{level: Metadata, namespaces: [""]}', matches: false },
  { rule: '{level: Metadata, resources: [{resources: [pods]}]}', matches: false },
  { rule: '{level: Metadata, resources: [{resources: ["pods/*"]}]}', matches: true },
  { rule: '{level: Metadata, resources: [{resources: ["*/log"]}]}', matches: true },
  { rule: '{level: Metadata, resources: [{group: apps}]}', matches: false },
  { rule: '{level: Metadata, resources: [{group: "*", resources: [pods/log], resourceNames: [q]}]}', matches: false },
  { rule: '{level: Metadata, nonResourceURLs: ["*"]}', matches: false },
]
for (const { rule, matches } of rules) {
  test(`AuditPolicy: ${rule} ${matches ? 'matches' : 'passes over'} the log of a pod`, () => {
    const { level } = parseAuditPolicy(policyText(`rules: [${rule}]`)).evaluate(asked)
    assert.equal(level, matches ? 'Metadata' : 'None')
  })
}

test('audit() records who did what, and keeps secrets out at level Metadata', async () => {
  const backend = memory()
  const policy = parseAuditPolicy(
    policyText(`
rules:
- {level: Metadata, resources: [{resources: [secrets]}], omitStages: [RequestReceived]}
- {level: RequestResponse, omitManagedFields: true, resources: [{resources: [configmaps]}]}
`),
  )
  await using cluster = await testCluster({ audit: { policy, backend } })
  backend.events.length = 0
  await cluster.client.create(Secret, { metadata: { name: 's', namespace: 'default' }, stringData: { key: 'hush-hush' } })
  await cluster.client.create(ConfigMap, { metadata: { name: 'c', namespace: 'default' }, data: { a: 'b' } })
  await assert.rejects(cluster.clientAs({ name: 'eve' }).get(ConfigMap, { name: 'c', namespace: 'default' }))
  assert.deepEqual(
    backend.events.map(({ stage, verb, level }) => `${level} ${verb} ${stage}`),
    [
      'Metadata create ResponseComplete',
      'RequestResponse create RequestReceived',
      'RequestResponse create ResponseComplete',
      'RequestResponse get RequestReceived',
      'RequestResponse get ResponseComplete',
    ],
  )
  assert(!JSON.stringify(backend.events).includes('hush'))
  const [secret, , created, , refused] = backend.events as [AuditEvent, AuditEvent, AuditEvent, AuditEvent, AuditEvent]
  assert.deepEqual(secret.objectRef, { resource: 'secrets', namespace: 'default', apiVersion: 'v1', name: 's' })
  assert.deepEqual(secret.annotations, { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' })
  assert.deepEqual((created.requestObject as any).data, { a: 'b' })
  assert.equal((created.responseObject as any).metadata.managedFields, undefined)
  assert.deepEqual(created.responseStatus, { metadata: {}, code: 201 })
  assert.equal(refused.annotations?.['authorization.k8s.io/decision'], 'forbid')
  assert.equal((refused.responseStatus as any).reason, 'Forbidden')
})

test('auditing says that an API is deprecated, and which release lacks it', async () => {
  const backend = memory()
  const policy = parseAuditPolicy(policyText('rules: [{ level: Metadata }]'))
  await using cluster = await testCluster({ audit: { policy, backend } })
  backend.events.length = 0
  await send(cluster.server, 'GET /api/v1/namespaces/default/endpoints')
  const [{ annotations } = {}] = backend.events.filter(({ stage }) => stage === 'ResponseComplete')
  assert.equal(annotations?.['k8s.io/deprecated'], 'true')
  assert.equal(annotations?.['k8s.io/removed-release'], undefined)
  assert.equal(removedRelease('a v1beta1 B is deprecated in v1.35+, unavailable in v1.38+'), '1.38')
})

test('audit() tells of a watch when it begins and when it has ended', async () => {
  const backend = memory()
  const policy = parseAuditPolicy(policyText('rules: [{level: Metadata, verbs: [watch]}]'))
  await using cluster = await testCluster({ audit: { policy, backend } })
  const stop = new AbortController()
  const watching = cluster.client.watch(ConfigMap, { namespace: 'default', signal: stop.signal })[Symbol.asyncIterator]()
  const first = watching.next()
  await cluster.client.create(ConfigMap, { metadata: { name: 'c', namespace: 'default' } })
  await first
  assert.deepEqual(
    backend.events.map(({ stage }) => stage),
    ['RequestReceived', 'ResponseStarted'],
  )
  await watching.return?.()
  assert.equal(backend.events.at(-1)?.stage, 'ResponseComplete')
})

test('auditRefusals() records wrong credentials', async () => {
  const backend = memory()
  const policy = parseAuditPolicy(policyText('rules: [{level: Metadata}]'))
  await using cluster = await testCluster({ audit: { policy, backend } })
  await using socket = await listenOnLoopback({ server: cluster.server, clock: systemClock, random: systemRandom })
  backend.events.length = 0
  const { port, pki } = socket
  const headers = { authorization: 'Bearer nonsense', 'audit-id': 'mine' }
  const [response] = await once(httpsGet({ host: '127.0.0.1', port, path: '/api', ca: pki.ca.certificate, headers }), 'response')
  assert.equal(response.statusCode, 401)
  assert.equal(response.headers['audit-id'], 'mine')
  response.resume()
  const [event] = backend.events
  assert.equal(event?.stage, 'ResponseStarted')
  assert.equal(event?.auditID, 'mine')
  assert.deepEqual(event?.sourceIPs, ['127.0.0.1'])
  assert.equal((event as any).responseStatus.message, 'Authentication failed, attempted: bearer')
  assert(!JSON.stringify(backend.events).includes('nonsense'))
})

const shown: [over: object, message: string][] = [
  [{}, 'no credentials provided'],
  [{ headers: { authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` } }, 'attempted: basic'],
  [{ headers: { authorization: 'Basic nonsense' } }, 'no credentials provided'],
  [{ headers: { authorization: 'bearer x' } }, 'attempted: bearer'],
  [{ headers: { authorization: 'Bearer' } }, 'no credentials provided'],
  [{ query: new URLSearchParams('access_token=x') }, 'attempted: access_token'],
  [
    { headers: { authorization: 'Bearer x' }, origin: { type: 'network', remoteAddress: '::1', certificateError: 'expired' } },
    'attempted: bearer, x509',
  ],
]
for (const [over, message] of shown) {
  test(`auditRefusals() tells what was shown: ${message}`, () => {
    const backend = memory()
    const policy = parseAuditPolicy(policyText('rules: [{level: Metadata}]'))
    const stage = auditRefusals({ policy, backend, clock: new VirtualClock() })
    const refuse = () => {
      throw new StatusError('Unauthorized', 'Unauthorized')
    }
    assert.throws(() => stage(networkRequest({}, over), refuse), { code: 401 })
    assert.equal((backend.events[0] as any).responseStatus.message, `Authentication failed, ${message}`)
  })
}

test('audit() takes over what authentication noted', () => {
  const backend = memory()
  const options = { policy: parseAuditPolicy(policyText('rules: [{level: Metadata}]')), backend, clock: new VirtualClock() }
  const request = networkRequest({}, { notes: new Map([['authentication.k8s.io/stale-token', 'subject: a']]) })
  audit(options)(request, () => ({ type: 'bytes', status: 200, bytes: new Uint8Array(), headers: {} }))
  assert.deepEqual(backend.events.at(-1)?.annotations, { 'authentication.k8s.io/stale-token': 'subject: a' })
})

test('audit() tells how somebody came to be somebody else', async () => {
  const policy = parseAuditPolicy(policyText('rules: [{level: Metadata}]'))
  const asAnn = async (may: RegExp) => {
    const options = { policy, backend: memory(), clock: new VirtualClock() }
    const authorize = ({ verb }: { verb: string }) => ({ verdict: may.test(verb) ? ('allow' as const) : ('noOpinion' as const) })
    const become = impersonate({ name: 'fake', authorize }, { clock: options.clock, gates: defaultGates })
    const served = (): Response => ({ type: 'bytes', status: 200, bytes: new Uint8Array(), headers: {} })
    const request = networkRequest({ 'impersonate-user': 'ann' }, { user: { name: 'root', groups: [] } })
    await audit(options)(request, (one) => become(one, served))
    return options.backend.events.at(-1)
  }
  const constrained = await asAnn(/user-info/)
  assert.deepEqual(constrained?.authenticationMetadata, { impersonationConstraint: 'impersonate:user-info' })
  assert.deepEqual(constrained?.impersonatedUser, { username: 'ann', groups: ['system:authenticated'] })
  const old = await asAnn(/^impersonate$/)
  assert.equal(old?.authenticationMetadata, undefined)
  assert.deepEqual(old?.impersonatedUser, { username: 'ann', groups: ['system:authenticated'] })
})

test('audit() tells in which parts a long request spent its time', async () => {
  const backend = memory()
  const policy = parseAuditPolicy(policyText('rules: [{level: Metadata}]'))
  const clock = new VirtualClock()
  const options = { policy, backend, clock }
  const wait = (milliseconds: number) => clock.advanceTo(clock.now() + milliseconds)
  const asked = (parts: (record: AuditRecord) => void) => {
    const request = networkRequest()
    const authenticated: Stage = (one, next) => {
      wait(200)
      return next(one)
    }
    const served = (one: Request): Response => {
      parts(one.audit as AuditRecord)
      return { type: 'bytes', status: 200, bytes: new Uint8Array(), headers: {} }
    }
    auditRefusals(options)(request, (one) => authenticated(one, (two) => audit(options)(two, served)))
    return backend.events.at(-1)?.annotations
  }
  assert.equal(
    asked(() => wait(300)),
    undefined,
  )
  const annotations = asked((record) => {
    wait(1_000)
    for (const took of [100, 250, 50]) for (const layer of ['impersonation', 'authorization'] as const) record.took(layer, took)
  })
  assert.deepEqual(annotations, {
    'apiserver.latency.k8s.io/authentication': '200ms',
    'apiserver.latency.k8s.io/impersonation': '400ms',
    'apiserver.latency.k8s.io/authorization': '250ms',
    'apiserver.latency.k8s.io/total': '1.2s',
  })
})

const event: AuditEvent = {
  ...{ kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'Request', auditID: 'id', stage: 'ResponseComplete' },
  ...{ requestURI: '/api', verb: 'get', user: { username: 'ann', groups: ['a', 'b'] }, sourceIPs: ['10.0.0.1'] },
  ...{ requestReceivedTimestamp: '2026-01-01T00:00:00.000000Z', stageTimestamp: '2026-01-01T00:00:00.000000Z' },
}

test('logLine() in the old format', () => {
  assert.equal(
    logLine(event, 'legacy'),
    '2026-01-01T00:00:00.000000Z AUDIT: id="id" stage="ResponseComplete" ip="10.0.0.1" method="get" user="ann" groups="\\"a\\",\\"b\\"" as="<self>" asgroups="<lookup>" user-agent="" namespace="<none>" uri="/api" response="<deferred>"\n',
  )
})

test('truncatingBackend() takes the objects out of what is too large', () => {
  const backend = memory()
  const limit = { maxEventSize: 600, maxBatchSize: 10_000 }
  truncatingBackend(backend, limit).take([{ ...event, requestObject: 'x'.repeat(1000) }, event])
  assert.equal(backend.events.length, 2)
  assert.equal(backend.events[0]?.requestObject, undefined)
  assert.deepEqual(backend.events[0]?.annotations, { 'audit.k8s.io/truncated': 'true' })
  assert.equal(backend.events[1]?.annotations, undefined)
})

test('batchingBackend() sends full batches at once, others in time, and drops what nobody takes', async () => {
  const clock = new VirtualClock()
  const sent: number[] = []
  let dropped = 0
  const backend = batchingBackend({
    ...{ name: 'test', clock, bufferSize: 3, maxBatchSize: 2, maxBatchWait: 30_000, throttle: { qps: 1, burst: 1 } },
    send: async (events) => void sent.push(events.length),
    onDropped: (count) => void (dropped += count),
  })
  backend.take([event])
  assert.deepEqual(sent, [])
  clock.runNext()
  assert.deepEqual(sent, [1])
  backend.take([event, event, event, event])
  assert.deepEqual({ sent, dropped }, { sent: [1], dropped: 1 })
  clock.runNext()
  assert.deepEqual(sent, [1, 2])
  clock.runNext()
  assert.deepEqual(sent, [1, 2, 1])
  backend.take([event])
  await backend.close()
  assert.deepEqual(sent, [1, 2, 1, 1])
})

test('auditWebhook() posts lists of events, and again after a failure', async () => {
  const bodies: any[] = []
  let isFirst = true
  await using hook = await tlsBackend((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      bodies.push({ ...JSON.parse(Buffer.concat(chunks).toString()), auth: request.headers.authorization })
      response.writeHead(isFirst ? 500 : 200).end()
      isFirst = false
    })
  })
  const target = webhookTarget(
    JSON.stringify({
      clusters: [
        { name: 'c', cluster: { server: `https://127.0.0.1:${hook.port}/audit`, 'certificate-authority-data': hook.caBundle } },
      ],
      users: [{ name: 'u', user: { token: 't0k' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
    () => '',
  )
  await auditWebhook({ target, clock: systemClock, random: seededRandom(1), initialBackoff: 1 })([event])
  target.agent.destroy()
  assert.equal(bodies.length, 2)
  assert.equal(bodies[1].kind, 'EventList')
  assert.equal(bodies[1].auth, 'Bearer t0k')
  assert.equal(bodies[1].items[0].auditID, 'id')
})
