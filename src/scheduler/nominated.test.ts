/** Room that is being made for a pod: it stays the pod's while its victims take their time, follows what others write, and is let go when it is of no use. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { testCluster } from '#testing/cluster.ts'
import * as make from '#testing/make.ts'
import { asNominated, nominationLeft, nominationSeen } from './nominations.ts'
import { runScheduler } from './scheduler.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'

const asking = (cpu: string, priority: number, more: object = {}) =>
  ({
    containers: [{ name: 'm', image: 'a', resources: { requests: { cpu } } }],
    tolerations: [{ operator: 'Exists' }],
    priority,
    ...more,
  }) as never

/** Nodes of four cores, each with a lesser pod that fills it and takes its time to end. */
async function bed(nodes: readonly string[]) {
  const cluster = await testCluster({ admission: [] })
  const { client, clock, random } = cluster
  for (const nodeName of nodes) {
    await client.create(Node, make.node(nodeName, { cpu: '4' }))
    await client.create(Pod, make.pod(`old-${nodeName}`, { spec: asking('4', 0, { nodeName }) }))
  }
  const stop = new AbortController()
  void runScheduler({ client, clock, random, signal: stop.signal, onError: assert.ifError })
  await cluster.settle()
  const find = (name: string) => client.get(Pod, { name, namespace: 'default' })
  return {
    ...{ client, cluster, find },
    async add(name: string, spec: never): Promise<void> {
      await client.create(Pod, make.pod(name, { spec }))
      await cluster.advance(1_000)
    },
    /** Such as a kubelet does at the end of the grace period. */
    end: (name: string) => client.delete(Pod, { name, namespace: 'default' }, { gracePeriodSeconds: 0 }),
    nominate: (name: string, node: string | null) =>
      client.patch(
        Pod,
        { name, namespace: 'default' },
        { type: 'merge', body: { status: { nominatedNodeName: node } } },
        { subresource: 'status' },
      ),
    /** Something happens that may help whoever waits for room. */
    async stir(): Promise<void> {
      await client.create(Pod, make.pod('brief', { spec: asking('1', 0, { nodeName: 'elsewhere' }) }))
      await client.delete(Pod, { name: 'brief', namespace: 'default' }, { gracePeriodSeconds: 0 })
      await cluster.advance(15_000)
    },
    leaving: async () =>
      (await cluster.list(Pod)).filter(({ metadata }) => metadata.deletionTimestamp).map(({ metadata }) => metadata.name),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await cluster.settle()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

const saying = ({ status }: Pod) => status.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? ''

test('a preemptor keeps its nomination while its victim takes its time, and evicts nobody else', async () => {
  await using world = await bed(['a', 'b'])
  await world.add('important', asking('4', 10))
  const node = (await world.find('important')).status.nominatedNodeName
  assert.match(node ?? '', /^[ab]$/)
  assert.deepEqual(await world.leaving(), [`old-${node}`])
  for (let i = 0; i < 4; i++) await world.stir()
  const waiting = await world.find('important')
  assert.equal(waiting.status.nominatedNodeName, node)
  assert.match(
    saying(waiting),
    /no new claims to deallocate, preemption: not eligible due to a terminating pod on the nominated node\.$/,
  )
  assert.deepEqual(await world.leaving(), [`old-${node}`])
  await world.end(`old-${node}`)
  await world.cluster.advance(15_000)
  assert.equal((await world.find('important')).spec.nodeName, node)
  assert.equal((await world.find('important')).status.nominatedNodeName, undefined)
})

test('lesser pods get nothing of the room that is being made, also after further tries of the preemptor', async () => {
  await using world = await bed(['a'])
  await world.add('important', asking('3', 10))
  await world.stir()
  await world.add('lesser', asking('2', 1))
  await world.end('old-a')
  await world.cluster.advance(15_000)
  assert.equal((await world.find('important')).spec.nodeName, 'a')
  assert.equal((await world.find('lesser')).spec.nodeName, undefined)
})

test('a preemptor whose nominated node is out of the question makes room on another one', async () => {
  await using world = await bed(['a', 'b'])
  await world.add('important', asking('4', 10, { tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists' }] }))
  const first = (await world.find('important')).status.nominatedNodeName as string
  const second = first === 'a' ? 'b' : 'a'
  await world.client.patch(Node, { name: first }, { type: 'merge', body: { spec: { unschedulable: true } } })
  await world.stir()
  assert.equal((await world.find('important')).status.nominatedNodeName, second)
  assert.deepEqual((await world.leaving()).sort(), ['old-a', 'old-b'])
})

test('a nomination that is of no use any more is taken back', async () => {
  await using world = await bed(['a'])
  await world.add('important', asking('4', 10))
  assert.equal((await world.find('important')).status.nominatedNodeName, 'a')
  await world.client.delete(Node, { name: 'a' })
  await world.client.create(Node, make.node('b', { cpu: '1' }))
  await world.stir()
  assert.equal((await world.find('important')).status.nominatedNodeName, undefined)
})

test('the nomination of a lesser pod ends where a more important one makes room', async () => {
  await using world = await bed(['a'])
  await world.add('lesser', asking('4', 5))
  assert.equal((await world.find('lesser')).status.nominatedNodeName, 'a')
  await world.add('important', asking('4', 10))
  await world.cluster.advance(15_000)
  assert.equal((await world.find('important')).status.nominatedNodeName, 'a')
  assert.equal((await world.find('lesser')).status.nominatedNodeName, undefined)
})

test('a pod that never preempts leaves the nomination that others made for it', async () => {
  await using world = await bed(['a'])
  await world.add('polite', asking('4', 10, { preemptionPolicy: 'Never' }))
  assert.match(saying(await world.find('polite')), /preemption: not eligible due to preemptionPolicy=Never\.$/)
  await world.nominate('polite', 'a')
  await world.stir()
  assert.equal((await world.find('polite')).status.nominatedNodeName, 'a')
  assert.deepEqual(await world.leaving(), [])
})

for (const next of ['b', null]) {
  test(`a nomination that others write counts, and is over when they ${next ? 'change' : 'remove'} it`, async () => {
    await using world = await bed(['a', 'b'])
    const on = (name: string) => ({ nodeSelector: { 'kubernetes.io/hostname': name } })
    await world.add('favoured', asking('3', 10, { preemptionPolicy: 'Never', ...on('b') }))
    await world.nominate('favoured', 'a')
    await world.end('old-a')
    await world.add('other', asking('3', 1, { preemptionPolicy: 'Never', ...on('a') }))
    await world.stir()
    assert.equal((await world.find('other')).spec.nodeName, undefined)
    await world.nominate('favoured', next)
    await world.cluster.advance(15_000)
    assert.equal((await world.find('other')).spec.nodeName, 'a')
  })
}

test('the event Preempted names the pod for which room was made', async () => {
  await using world = await bed(['a'])
  await world.add('important', asking('4', 10))
  const events = await world.cluster.list(Event, 'default')
  const { uid } = (await world.find('important')).metadata
  const preempted = events.find(({ reason }) => reason === 'Preempted')
  assert.equal(preempted?.involvedObject.name, 'old-a')
  assert.equal(preempted?.message, `Preempted by pod ${uid} on node a`)
  assert.deepEqual(
    [preempted?.related?.kind, preempted?.related?.name, preempted?.related?.uid, preempted?.related?.namespace],
    ['Pod', 'important', uid, 'default'],
  )
})

const saidTo = (nominatedNodeName?: string) => ({ status: { nominatedNodeName } }) as unknown as Pod

test('nominationSeen() goes by what the status says, and by memory only where it never said anything', () => {
  const cases: readonly [before: Pod | undefined, after: Pod, known: string | undefined, expected: string][] = [
    [undefined, saidTo(), undefined, ''],
    [undefined, saidTo('a'), undefined, 'a'],
    [saidTo(), saidTo(), 'a', 'a'],
    [saidTo(), saidTo('b'), 'a', 'b'],
    [saidTo('a'), saidTo('b'), 'a', 'b'],
    [saidTo('a'), saidTo(), 'a', ''],
    [saidTo('a'), saidTo('a'), undefined, 'a'],
  ]
  for (const [before, after, known, expected] of cases) assert.equal(nominationSeen(after, before, known), expected)
})

test('nominationLeft() is the node that is not said any more', () => {
  assert.equal(nominationLeft(saidTo('b'), saidTo('a')), 'a')
  assert.equal(nominationLeft(saidTo(), saidTo('a')), 'a')
  assert.equal(nominationLeft(saidTo('a'), saidTo('a')), undefined)
  assert.equal(nominationLeft(saidTo('a'), saidTo()), undefined)
})

test('asNominated() adds what the status does not say yet', () => {
  assert.equal(asNominated(saidTo(), 'a').status.nominatedNodeName, 'a')
  assert.equal(asNominated(saidTo('b'), 'a').status.nominatedNodeName, 'b')
  assert.equal(asNominated(saidTo(), undefined).status.nominatedNodeName, undefined)
})
