/** Extenders: what is asked of them over HTTP, and what becomes of their answers. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { systemClock } from '#lib/clock.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import * as make from '#testing/make.ts'
import { runScheduler } from '../scheduler.ts'
import { createExtender, type Extender, type ExtenderOptions } from './extender.ts'

const tolerations = [{ operator: 'Exists' as const }]

const silent: Extender = {
  ...{ name: 'http://extender', isIgnorable: false, weight: 1 },
  ...{ filters: false, prioritizes: false, preempts: false, binds: false },
  isInterested: () => true,
  filter: async (_, nodes) => ({
    nodes: new Set(nodes.map(({ metadata }) => metadata.name)),
    failed: new Map(),
    unresolvable: new Map(),
  }),
  prioritize: async () => new Map(),
  preempt: async () => new Map(),
  bind: async () => {},
}

async function scheduling(extenders: readonly Extender[], nodes = ['a', 'b', 'c']) {
  const cluster = await testCluster({ admission: [] })
  for (const name of nodes) await cluster.client.create(Node, make.node(name, { cpu: '4' }))
  const { client, clock, random } = cluster
  const stop = new AbortController()
  const started = runScheduler({ client, clock, random, signal: stop.signal, extenders, onError: () => {} })
  await cluster.settle()
  await started
  return Object.assign(cluster, { stop: () => stop.abort() })
}

const asking = (cpu: string, more: object = {}) =>
  ({ tolerations, containers: [{ name: 'm', image: 'a', resources: { requests: { cpu } } }], ...more }) as never

const add = ({ client }: TestCluster, name: string, spec: never = asking('1')) => client.create(Pod, make.pod(name, { spec }))
const nodeOf = async ({ client }: TestCluster, name: string) =>
  (await client.get(Pod, { name, namespace: 'default' })).spec.nodeName
const messageOf = async ({ client }: TestCluster, name: string) => {
  const { conditions } = (await client.get(Pod, { name, namespace: 'default' })).status
  return conditions?.find(({ type }) => type === 'PodScheduled')?.message
}

test('an extender filters nodes after the plugins, and its reasons are counted with theirs', async () => {
  const filter: Extender['filter'] = async (pod) => ({
    nodes: new Set(pod.metadata.name === 'picky' ? ['b'] : []),
    failed: new Map([['a', 'too far']]),
    unresolvable: new Map([['b', 'too old']]),
  })
  await using cluster = await scheduling([{ ...silent, filters: true, filter }])
  await add(cluster, 'picky')
  await add(cluster, 'hopeless')
  await cluster.settle()
  assert.equal(await nodeOf(cluster, 'picky'), 'b')
  assert.match(
    (await messageOf(cluster, 'hopeless')) ?? '',
    /^0\/3 nodes are available: 1 too far, 1 too old\. no new claims to deallocate, preemption:/,
  )
  cluster.stop()
  await cluster.settle()
})

test('an extender that fails keeps the pod waiting, unless it may be ignored', async () => {
  const filter = async () => {
    throw new Error('connection refused')
  }
  for (const isIgnorable of [false, true]) {
    await using cluster = await scheduling([{ ...silent, filters: true, isIgnorable, filter }], ['a'])
    await add(cluster, 'p')
    await cluster.settle()
    assert.equal(await nodeOf(cluster, 'p'), isIgnorable ? 'a' : undefined)
    if (!isIgnorable) assert.equal(await messageOf(cluster, 'p'), 'connection refused')
    cluster.stop()
    await cluster.settle()
  }
})

test('an extender weighs nodes against the plugins, and is left out for pods that do not concern it', async () => {
  const prioritize = async () => new Map([['c', 10]])
  const isInterested = (pod: Pod) => pod.metadata.name !== 'other'
  await using cluster = await scheduling([{ ...silent, prioritizes: true, weight: 100, prioritize, isInterested }])
  for (const name of ['p0', 'p1', 'p2', 'other']) await add(cluster, name)
  await cluster.settle()
  assert.deepEqual(await Promise.all(['p0', 'p1', 'p2'].map((name) => nodeOf(cluster, name))), ['c', 'c', 'c'])
  assert.notEqual(await nodeOf(cluster, 'other'), 'c')
  cluster.stop()
  await cluster.settle()
})

test('an extender binds in place of the plugins', async () => {
  const bound: string[] = []
  const bind: Extender['bind'] = async ({ metadata }, node) => void bound.push(`${metadata.name} ${node}`)
  await using cluster = await scheduling([{ ...silent, binds: true, bind }], ['a'])
  await add(cluster, 'p')
  await cluster.settle()
  assert.deepEqual(bound, ['p a'])
  const events = await cluster.list(Event, 'default')
  assert.deepEqual(
    events.map(({ message }) => message),
    ['Successfully assigned default/p to a'],
  )
  cluster.stop()
  await cluster.settle()
})

test('an extender chooses among the victims of a preemption', async () => {
  const preempt: Extender['preempt'] = async (_, victims) => {
    const { pods = [], violations = 0 } = victims.get('b') ?? {}
    return new Map([['b', { pods: pods.map(({ metadata }) => metadata.uid), violations }]])
  }
  await using cluster = await scheduling([{ ...silent, preempts: true, preempt }])
  for (const nodeName of ['a', 'b', 'c']) await add(cluster, `old-${nodeName}`, asking('4', { nodeName, priority: 0 }))
  await add(cluster, 'important', asking('4', { priority: 10 }))
  await cluster.settle()
  const { status } = await cluster.client.get(Pod, { name: 'important', namespace: 'default' })
  assert.equal(status.nominatedNodeName, 'b')
  cluster.stop()
  await cluster.settle()
})

interface Asked {
  readonly url: string
  readonly body: any
}

/** An extender behind a socket; `answers` by path. */
async function served(answers: Readonly<Record<string, unknown>>, more: Partial<ExtenderOptions> = {}) {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    asked.push({ url: request.url ?? '', body: JSON.parse(text) })
    const answer = answers[request.url ?? '']
    response.writeHead(answer === undefined ? 500 : 200).end(JSON.stringify(answer ?? {}))
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const verbs = { filterVerb: 'filter', prioritizeVerb: 'prioritize', preemptVerb: 'preempt', bindVerb: 'bind' }
  const options = { weight: 2, timeout: 5_000, nodeCacheCapable: false, managedResources: [], ignorable: false, tls: {} }
  const extender = createExtender({ urlPrefix: `http://127.0.0.1:${port}/root/`, ...verbs, ...options, ...more }, systemClock)
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { extender, asked, [Symbol.asyncDispose]: close }
}

const nodes = ['a', 'b'].map((name) => ({ metadata: { name } })) as unknown as Node[]
const pod = {
  metadata: { name: 'p', namespace: 'd', uid: 'u' },
  spec: { containers: [{ name: 'c', resources: { limits: { 'example.com/foo': '1' } } }] },
} as unknown as Pod

test('createExtender() speaks the words of kube-scheduler/extender/v1', async () => {
  await using with_ = await served({
    '/root/filter': {
      Nodes: { items: [{ metadata: { name: 'b' } }] },
      FailedNodes: { a: 'no' },
      FailedAndUnresolvableNodes: null,
    },
    '/root/prioritize': [{ Host: 'a', Score: 3 }],
    '/root/preempt': { NodeNameToMetaVictims: { a: { Pods: [{ UID: 'v' }], NumPDBViolations: 1 } } },
    '/root/bind': { Error: 'not today' },
  })
  const { extender, asked } = with_
  assert.deepEqual(await extender.filter(pod, nodes), {
    nodes: new Set(['b']),
    failed: new Map([['a', 'no']]),
    unresolvable: new Map(),
  })
  assert.deepEqual(await extender.prioritize(pod, nodes), new Map([['a', 3]]))
  const victim = { metadata: { name: 'v', uid: 'v' } } as unknown as Pod
  const wanted = new Map([['a', { pods: [victim], violations: 1 }]])
  assert.deepEqual(await extender.preempt(pod, wanted), new Map([['a', { pods: ['v'], violations: 1 }]]))
  await assert.rejects(extender.bind(pod, 'a'), /^Error: not today$/)
  assert.deepEqual(
    asked.map(({ body }) => body),
    [
      { Pod: pod, Nodes: { metadata: {}, items: nodes }, NodeNames: null },
      { Pod: pod, Nodes: { metadata: {}, items: nodes }, NodeNames: null },
      { Pod: pod, NodeNameToVictims: { a: { Pods: [victim], NumPDBViolations: 1 } }, NodeNameToMetaVictims: null },
      { PodName: 'p', PodNamespace: 'd', PodUID: 'u', Node: 'a' },
    ],
  )
})

test('createExtender() sends names to an extender that knows the nodes, and refuses names that it was not asked about', async () => {
  const managed = { nodeCacheCapable: true, managedResources: ['example.com/foo'] }
  await using with_ = await served({ '/root/filter': { nodenames: ['z'] } }, managed)
  const { extender, asked } = with_
  const unknown = /claims a filtered node "z" which is not found in the input node list$/
  await assert.rejects(extender.filter(pod, nodes), unknown)
  assert.deepEqual(asked[0]?.body.NodeNames, ['a', 'b'])
  assert.ok(extender.isInterested(pod))
  assert.ok(!extender.isInterested({ spec: { containers: [{ name: 'c' }] } } as unknown as Pod))
})

test('createExtender() tells of answers that are no success', async () => {
  await using with_ = await served({})
  await assert.rejects(
    with_.extender.prioritize(pod, nodes),
    /failed prioritize with extender at URL .*\/root\/prioritize, code 500$/,
  )
})
