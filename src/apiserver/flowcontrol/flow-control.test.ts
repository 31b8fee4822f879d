import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get as httpsGet } from 'node:https'
import { test } from 'node:test'
import { defaultGates } from '#api/feature-gates.ts'
import { FlowSchema } from '#api/flowcontrol/v1/flow-schema.ts'
import { PriorityLevelConfiguration } from '#api/flowcontrol/v1/priority-level-configuration.ts'
import { edit } from '#client/client.ts'
import { systemClock } from '#lib/clock.ts'
import { systemRandom } from '#lib/random.ts'
import { VirtualClock } from '#lib/virtual-clock.ts'
import { testCluster } from '#testing/cluster.ts'
import { listenOnLoopback } from '#testing/loopback.ts'
import { networkRequest } from '#testing/requests.ts'
import type { Lister } from '../admission/plugin.ts'
import { flowControlLines } from '../publish/flow-metrics.ts'
import type { Request, Response } from '../request.ts'
import { parseRequestInfo } from '../request-info.ts'
import { allocate } from './concurrency.ts'
import { FlowControl } from './flow-control.ts'
import { RetryAfter } from './retry-after.ts'
import { deal, flowHash } from './shuffle-sharding.ts'
import { priorityAndFairness } from './stage.ts'
import { WatchTracker } from './work-estimate.ts'

const ok: Response = { type: 'bytes', status: 200, bytes: new Uint8Array(), headers: {} }

function requestTo(path: string, user: string, method = 'GET'): Request {
  const [bare = '', text = ''] = path.split('?')
  const query = new URLSearchParams(text)
  const groups = user.startsWith('system:serviceaccount:')
    ? ['system:serviceaccounts', 'system:authenticated']
    : ['system:authenticated']
  return networkRequest(
    {},
    { method, path: bare, query, info: parseRequestInfo(method, bare, query), user: { name: user, groups } },
  )
}

function level(name: string, spec: object): PriorityLevelConfiguration {
  return { metadata: { name, uid: `${name}-uid` }, spec } as PriorityLevelConfiguration
}

function flow(name: string, levelName: string, precedence = 50): FlowSchema {
  const subjects = [{ kind: 'Group', group: { name: 'system:authenticated' } }]
  const resourceRules = [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }]
  const spec = {
    priorityLevelConfiguration: { name: levelName },
    matchingPrecedence: precedence,
    distinguisherMethod: { type: 'ByUser' },
  }
  return {
    metadata: { name, uid: `${name}-uid` },
    spec: { ...spec, rules: [{ subjects, resourceRules }] },
  } as unknown as FlowSchema
}

/** One level with this many seats beside the catch-all. */
function limitedTo(seats: number, queuing: object | undefined) {
  const clock = new VirtualClock()
  const limitResponse = queuing ? { type: 'Queue', queuing } : { type: 'Reject' }
  const levels = [
    level('narrow', {
      type: 'Limited',
      limited: { nominalConcurrencyShares: 100_000, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse },
    }),
  ]
  const lister = { list: (kind: unknown) => (kind === FlowSchema ? [flow('all', 'narrow')] : levels) } as unknown as Lister
  const control = new FlowControl({ lister, clock, seats })
  control.read()
  const stored = () => ({ objects: 1000, bytes: 2_000_000 })
  const estimator = { stored, watches: new WatchTracker(), gates: defaultGates }
  const stage = priorityAndFairness({ control, estimator, clock, patience: 15_000 })
  const running: { user: string; end: () => void }[] = []
  const next = (request: Request) =>
    new Promise<Response>((resolve) => running.push({ user: request.user.name, end: () => resolve(ok) }))
  const send = async (user: string, path = '/api/v1/namespaces/a/pods/p') => stage(requestTo(path, user), next)
  return { clock, control, running, send }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('deal() gives distinct queues, the same for the same flow', () => {
  for (let i = 0; i < 200; i++) {
    const hand = deal(flowHash('schema', `user-${i}`), { deckSize: 16, handSize: 6 })
    assert.equal(new Set(hand).size, 6)
    assert(hand.every((card) => card >= 0 && card < 16))
    assert.deepEqual(hand, deal(flowHash('schema', `user-${i}`), { deckSize: 16, handSize: 6 }))
  }
})

test('allocate() shares in proportion to targets, within bounds', () => {
  const items = [
    { lowerBound: 0, upperBound: 100, target: 10 },
    { lowerBound: 30, upperBound: 100, target: 30 },
    { lowerBound: 0, upperBound: 15, target: 20 },
  ]
  assert.equal(Math.round(allocate(60, items).shares.reduce((a, b) => a + b)), 60)
  assert.deepEqual(allocate(1000, items).shares, [100, 100, 15])
})

test('RetryAfter doubles while many are refused, and shrinks afterwards', () => {
  const retry = new RetryAfter()
  for (let second = 1; second <= 4; second++) for (let i = 0; i < 50; i++) retry.refused(second * 1000)
  assert(retry.value >= 4)
  const before = retry.value
  retry.refused(100_000)
  retry.refused(101_000)
  assert(retry.value < before)
})

test('priorityAndFairness() refuses at once where nobody may wait', async () => {
  const { running, send, control } = limitedTo(2, undefined)
  const first = send('ann')
  const second = send('ann')
  const third = await send('ann')
  assert.equal(running.length, 2)
  assert(third.type === 'bytes')
  assert.equal(third.status, 429)
  assert.equal(third.headers['retry-after'], '1')
  assert.equal(Buffer.from(third.bytes).toString(), 'Too many requests, please try again later.\n')
  for (const { end } of running) end()
  await Promise.all([first, second])
  assert(control.levels.get('narrow')?.seats.isIdle)
  assert.equal(control.levels.get('narrow')?.seats.seatsInUse, 0)
})

test('priorityAndFairness() lets a quiet flow pass a loud one in the queues', async () => {
  const { running, send, clock } = limitedTo(1, { queues: 64, handSize: 4, queueLengthLimit: 50 })
  const sent = [send('loud')]
  for (let i = 0; i < 20; i++) sent.push(send('loud'))
  await turn()
  sent.push(send('quiet'))
  const order: string[] = []
  for (let i = 0; i < sent.length; i++) {
    const one = running.shift()
    assert(one)
    order.push(one.user)
    clock.advanceTo(clock.now() + 100)
    one.end()
    await turn()
  }
  assert(order.indexOf('quiet') <= 4, `quiet came at ${order.indexOf('quiet')}`)
  await Promise.all(sent)
})

test('priorityAndFairness() lets nobody wait longer than is patient, nor after leaving, nor in a full queue', async () => {
  const { running, send, clock, control } = limitedTo(1, { queues: 1, handSize: 1, queueLengthLimit: 2 })
  const first = send('ann')
  const waits = [send('ann'), send('ann')]
  const full = await send('ann')
  assert(full.type === 'bytes' && full.status === 429)
  while (clock.runNext(clock.now() + 16_000)) await turn()
  for (const wait of waits) assert.equal(((await wait) as { status: number }).status, 429)
  assert.deepEqual(control.levels.get('narrow')?.seats.refused, {
    'queue-full': 1,
    'concurrency-limit': 0,
    'time-out': 2,
    cancelled: 0,
  })
  running[0]?.end()
  await first
})

test('priorityAndFairness() gives wide requests all their seats', async () => {
  const { clock, running, send, control } = limitedTo(10, { queues: 4, handSize: 2, queueLengthLimit: 50 })
  const sent = send('ann', '/api/v1/pods')
  const seats = control.levels.get('narrow')?.seats
  assert.equal(seats?.seatsInUse, 2)
  const lines = () => flowControlLines(control).filter((line) => line.includes('flow_schema="all"') && !/_bucket|_sum/.test(line))
  const labels = '{flow_schema="all",priority_level="narrow"}'
  const prefix = 'apiserver_flowcontrol_'
  assert.ok(lines().includes(`${prefix}current_executing_requests${labels} 1`))
  assert.ok(lines().includes(`${prefix}current_executing_seats${labels} 2`))
  for (let i = 0; i < 9; i++) void send('ann')
  assert.ok(lines().includes(`${prefix}current_inqueue_requests${labels} 1`))
  clock.advanceTo(clock.now() + 1_000)
  const ratio = (phase: string, kind: string) => {
    const name = `${prefix}read_vs_write_current_requests_sum{phase="${phase}",request_kind="${kind}"} `
    return Number(
      flowControlLines(control)
        .find((line) => line.startsWith(name))
        ?.slice(name.length),
    )
  }
  assert.deepEqual([ratio('waiting', 'readOnly'), ratio('waiting', 'mutating'), ratio('executing', 'mutating')], [1e8, 0, 0])
  assert.equal(ratio('executing', 'readOnly'), 9e8)
  running[0]?.end()
  await sent
  for (const { end } of running.slice(1)) end()
  await turn()
  for (const { end } of running) end()
  await turn()
  assert.equal(seats?.seatsInUse, 0)
  for (const line of [
    `${prefix}dispatched_requests_total${labels} 10`,
    `${prefix}current_inqueue_requests${labels} 0`,
    `${prefix}current_executing_requests${labels} 0`,
    `${prefix}work_estimated_seats_count${labels} 10`,
    `${prefix}request_queue_length_after_enqueue_count${labels} 1`,
    `${prefix}request_execution_seconds_count{type="regular",flow_schema="all",priority_level="narrow"} 10`,
    `${prefix}request_wait_duration_seconds_count{execute="true",flow_schema="all",priority_level="narrow"} 10`,
  ]) {
    assert.ok(lines().includes(line), line)
  }
  assert.ok(flowControlLines(control).includes(`${prefix}work_estimated_seats_sum${labels} 11`))
})

test('FlowControl lends seats that are not wanted to a level that wants more, and takes them back', () => {
  const clock = new VirtualClock()
  const limited = (shares: number, over: object) => ({
    type: 'Limited',
    limited: { nominalConcurrencyShares: shares, limitResponse: { type: 'Reject' }, ...over },
  })
  const levels = [
    level('lender', limited(50, { lendablePercent: 60, borrowingLimitPercent: 0 })),
    level('borrower', limited(50, { lendablePercent: 0 })),
    level('modest', limited(50, { lendablePercent: 0, borrowingLimitPercent: 20 })),
  ]
  const lister = { list: (kind: unknown) => (kind === FlowSchema ? [flow('all', 'borrower')] : levels) } as unknown as Lister
  const control = new FlowControl({ lister, clock, seats: 310 })
  const stop = new AbortController()
  control.start(stop.signal)
  const of = (name: string) => control.levels.get(name) as NonNullable<ReturnType<typeof control.levels.get>>
  assert.deepEqual([of('lender').nominal, of('lender').min, of('lender').max], [100, 40, 100])
  assert.deepEqual([of('modest').min, of('modest').max], [100, 120])
  const { seats } = of('borrower')
  for (let i = 0; i < 100; i++) seats.start(1)
  seats.noteDemand()
  for (let i = 0; i < 200; i++) seats.start(1)
  seats.noteDemand()
  clock.advanceTo(clock.now() + 10_000)
  clock.runNext(clock.now())
  assert.equal(of('lender').seats.limit, 40)
  assert.ok(seats.limit > 100, `${seats.limit}`)
  assert.ok(control.fairFraction > 0)
  for (let i = 0; i < 300; i++) seats.finish(1, { initialSeats: 1, finalSeats: 0, additionalLatency: 0 })
  for (let i = 0; i < 100; i++) of('lender').seats.start(1)
  of('lender').seats.noteDemand()
  clock.advanceTo(clock.now() + 10_000)
  clock.runNext(clock.now())
  assert.equal(of('lender').seats.limit, 100, 'what is its own comes back as soon as it is wanted')
  stop.abort()
})

test('a server with priority and fairness makes its objects, says where a request went, and which flow schema dangles', async () => {
  await using cluster = await testCluster({ flowControl: { seats: 600 } })
  await cluster.advance(100)
  await cluster.settle()
  const names = (await cluster.list(PriorityLevelConfiguration)).map(({ metadata }) => metadata.name)
  assert.deepEqual(names, [
    'catch-all',
    'exempt',
    'global-default',
    'leader-election',
    'node-high',
    'system',
    'workload-high',
    'workload-low',
  ])
  assert.equal((await cluster.list(FlowSchema)).length, 11)
  await cluster.client.create(FlowSchema, { metadata: { name: 'lost' }, spec: flow('lost', 'nowhere').spec as never })
  await cluster.advance(100)
  await cluster.settle()
  const [condition] = (await cluster.client.get(FlowSchema, { name: 'lost' })).status?.conditions ?? []
  assert.equal(condition?.status, 'True')
  assert.equal(
    condition?.message,
    'This FlowSchema references the PriorityLevelConfiguration object named "nowhere" but there is no such object',
  )

  const changed = edit(await cluster.client.get(PriorityLevelConfiguration, { name: 'workload-low' }))
  ;(changed.spec.limited as any).nominalConcurrencyShares = 7
  await cluster.client.update(PriorityLevelConfiguration, changed)
  await cluster.advance(100)
  await cluster.settle()
  const restored = await cluster.client.get(PriorityLevelConfiguration, { name: 'workload-low' })
  assert.equal(restored.spec.limited?.nominalConcurrencyShares, 100)

  await using socket = await listenOnLoopback({ server: cluster.server, clock: systemClock, random: systemRandom })
  const { ca, admin } = socket.pki
  const options = { host: '127.0.0.1', port: socket.port, ca: ca.certificate, cert: admin.certificate, key: admin.key }
  const [response] = await once(httpsGet({ ...options, path: '/api/v1/namespaces/default' }), 'response')
  const exempt = await cluster.client.get(FlowSchema, { name: 'exempt' })
  assert.equal(response.headers['x-kubernetes-pf-flowschema-uid'], exempt.metadata.uid)
  response.resume()
  const [dump] = await once(httpsGet({ ...options, path: '/debug/api_priority_and_fairness/dump_priority_levels' }), 'response')
  const text = Buffer.concat(await Array.fromAsync(dump as AsyncIterable<Buffer>)).toString()
  assert.match(text, /^PriorityLevelName, +ActiveQueues, +IsIdle,/)
  assert.match(text, /\nworkload-high, +0, +true, +false, +0, +0, /)
})
