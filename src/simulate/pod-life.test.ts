/** Pods on a simulated node that are not the plainest: on the host's network, with init containers and sidecars, behind readiness gates. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { type TestCluster, testCluster } from '#testing/cluster.ts'
import { pod } from '#testing/make.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'
import type { Behaviour } from './shapes.ts'
import { startSimulatedNodes } from './simulated-nodes.ts'

async function started(behaviour: Behaviour, specs: Readonly<Record<string, object>>) {
  const cluster: TestCluster = await testCluster()
  const { client, clock, random } = cluster
  const stop = new AbortController()
  const starting = startSimulatedNodes({
    client,
    clock,
    random,
    shapes: [{ behaviour }],
    signal: stop.signal,
    onError: assert.ifError,
  })
  await cluster.settle()
  const nodes = await starting
  for (const [name, spec] of Object.entries(specs)) {
    await client.create(Pod, pod(name, { spec: { nodeName: 'simulated-0', ...spec } as never }))
  }
  await cluster.settle()
  return {
    ...{ cluster, nodes },
    pod: (name: string) => client.get(Pod, { name, namespace: 'default' }),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await cluster.settle()
      await cluster[Symbol.asyncDispose]()
    },
  }
}

const seconds = (count: number) => ({ least: count * 1000, most: count * 1000 })
const conditions = ({ status }: Pod) =>
  Object.fromEntries((status.conditions ?? []).map(({ type, status, reason }) => [type, reason ? `${status} ${reason}` : status]))

test('a pod on the host network has the address of its node, and takes none', async () => {
  await using run = await started({}, { host: { hostNetwork: true }, plain: {}, other: { hostNetwork: true } })
  const [node] = await run.cluster.list(Node)
  const address = node?.status.addresses?.find(({ type }) => type === 'InternalIP')?.address
  const [host, plain, other] = [await run.pod('host'), await run.pod('plain'), await run.pod('other')]
  assert.deepEqual([host.status.podIP, host.status.hostIP, other.status.podIP], [address, address, address])
  assert.notEqual(plain.status.podIP, address)
  await run.cluster.client.delete(Pod, { name: 'host', namespace: 'default' })
  await run.cluster.settle()
  assert.equal((await run.pod('other')).status.podIP, address)
})

test('init containers have ended and sidecars run when the containers run; both have ended when the pod has', async () => {
  const image = 'i'
  const initContainers = [
    { name: 'first', image },
    { name: 'side', image, restartPolicy: 'Always' },
  ]
  await using run = await started({ start: seconds(2), run: seconds(5) }, { p: { initContainers, restartPolicy: 'Never' } })
  const said = async () => {
    const found = await run.pod('p')
    const { Initialized, Ready } = conditions(found)
    const states = [...(found.status.initContainerStatuses ?? []), ...(found.status.containerStatuses ?? [])].map(
      ({ name, state, ready, started }) =>
        `${name} ${Object.keys(state).join()}${state.waiting ? `:${state.waiting.reason}` : ''} ${ready} ${started}`,
    )
    return { phase: found.status.phase, Initialized, Ready, states }
  }
  assert.deepEqual(await said(), {
    ...{ phase: 'Pending', Initialized: 'False ContainersNotInitialized', Ready: 'False ContainersNotReady' },
    states: [
      'first waiting:PodInitializing false false',
      'side waiting:PodInitializing false false',
      'main waiting:PodInitializing false false',
    ],
  })
  await run.cluster.advance(2_500)
  assert.deepEqual(await said(), {
    ...{ phase: 'Running', Initialized: 'True', Ready: 'True' },
    states: ['first terminated true false', 'side running true true', 'main running true true'],
  })
  await run.cluster.advance(5_500)
  const { phase, Initialized, Ready, states } = await said()
  assert.deepEqual([phase, Initialized, Ready], ['Succeeded', 'True PodCompleted', 'False PodCompleted'])
  assert.deepEqual(
    states.map((text) => text.split(' ').slice(0, 2).join(' ')),
    ['first terminated', 'side terminated', 'main terminated'],
  )
})

test('a pod behind readiness gates is ready once somebody has opened all of them, and no longer when one is closed', async () => {
  const readinessGates = [{ conditionType: 'example.com/a' }, { conditionType: 'example.com/b' }]
  await using run = await started({}, { p: { readinessGates } })
  const say = async (type: string, status: string) => {
    const body = { status: { conditions: [{ type, status }] } }
    const at = { name: 'p', namespace: 'default' }
    await run.cluster.client.patch(Pod, at, { type: 'strategic', body }, { subresource: 'status' })
    await run.cluster.settle()
  }
  const ready = async () => {
    const found = await run.pod('p')
    const message = found.status.conditions?.find(({ type }) => type === 'Ready')?.message
    return [conditions(found).ContainersReady, conditions(found).Ready, message]
  }
  const missing = (name: string) => `corresponding condition of pod readiness gate "example.com/${name}" does not exist.`
  const shut = 'False ReadinessGatesNotReady'
  assert.deepEqual(await ready(), ['True', shut, `${missing('a')}, ${missing('b')}`])
  await say('example.com/a', 'True')
  assert.deepEqual((await ready()).slice(0, 2), ['True', shut])
  await say('example.com/b', 'True')
  assert.deepEqual(await ready(), ['True', 'True', undefined])
  await say('example.com/a', 'False')
  const why = 'the status of pod readiness gate "example.com/a" is not "True", but False'
  assert.deepEqual(await ready(), ['True', shut, why])
})

test('a pod that is deleted stops within its grace period, also where its node would take longer', async () => {
  await using run = await started({ stop: seconds(60) }, { short: {}, long: {} })
  const { client } = run.cluster
  await client.delete(Pod, { name: 'short', namespace: 'default' }, { gracePeriodSeconds: 5 })
  await client.delete(Pod, { name: 'long', namespace: 'default' }, { gracePeriodSeconds: 90 })
  await run.cluster.advance(6_000)
  const names = async () => (await run.cluster.list(Pod)).map(({ metadata }) => metadata.name)
  assert.deepEqual(await names(), ['long'])
  await run.cluster.advance(55_000)
  assert.deepEqual(await names(), [])
})
