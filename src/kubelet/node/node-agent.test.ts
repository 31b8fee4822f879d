import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lease } from '#api/coordination/v1/lease.ts'
import { Node } from '#api/core/v1/node.ts'
import { testCluster } from '#testing/cluster.ts'
import { MemoryRuntime } from '../cri/memory-runtime.ts'
import type { Machine } from './machine.ts'
import { type NodeAgentOptions, startNodeAgent } from './node-agent.ts'
// The server loads it on the first patch, which takes real time that `settle` does not wait for.
import '#schema/merge.ts'

const machine: Machine = {
  cpus: 4,
  memoryBytes: 6_063_276 * 1024,
  swapBytes: 0,
  storageBytes: 51_290_092 * 1024,
  hugePages: { '2Mi': 0 },
  machineId: 'm',
  systemUuid: 's',
  bootId: 'b',
  kernelVersion: '6.1.0',
  osImage: 'Debian',
  architecture: 'amd64',
}

async function bed(over: Partial<NodeAgentOptions> = {}) {
  const cluster = await testCluster()
  const { client, clock, random } = cluster
  const runtime = new MemoryRuntime({ clock })
  const stop = new AbortController()
  const events: string[] = []
  const recorder = { record: (_: unknown, { reason }: { reason: string }) => void events.push(reason), flush: async () => {} }
  const options: NodeAgentOptions = {
    ...{ client, clock, random, runtime, machine, recorder, signal: stop.signal, version: 'v1.36.0' },
    nodeName: 'n1',
    addresses: ['10.0.0.1'],
    ...over,
  }
  const dispose = async () => {
    stop.abort()
    await cluster[Symbol.asyncDispose]()
  }
  const agent = startNodeAgent(options)
  const node = () => cluster.client.get(Node, { name: 'n1' })
  return { cluster, runtime, agent, events, options, node, stop, [Symbol.asyncDispose]: dispose }
}

const condition = (node: Node, type: string) => node.status.conditions?.find((candidate) => candidate.type === type)

test('startNodeAgent() registers the node with status, labels and lease', async () => {
  await using it = await bed({ taints: [{ key: 'a', effect: 'NoSchedule' }] })
  await it.cluster.settle()
  const node = await it.node()
  assert.deepEqual(node.status.capacity, {
    cpu: '4',
    'ephemeral-storage': '51290092Ki',
    'hugepages-2Mi': '0',
    memory: '6063276Ki',
    pods: '110',
  })
  assert.equal(node.status.allocatable?.memory, '5960876Ki')
  assert.equal(node.status.allocatable?.['ephemeral-storage'], '47268948709')
  assert.equal(node.metadata.labels?.['kubernetes.io/hostname'], 'n1')
  assert(node.spec.taints?.some(({ key }) => key === 'a'))
  assert.equal(condition(node, 'Ready')?.message, 'kubelet is posting ready status')
  assert.equal(condition(node, 'PIDPressure')?.reason, 'KubeletHasSufficientPID')
  assert.deepEqual(node.status.addresses, [
    { type: 'InternalIP', address: '10.0.0.1' },
    { type: 'Hostname', address: 'n1' },
  ])
  assert.equal(node.status.nodeInfo.containerRuntimeVersion, 'memory://1.0.0')
  await it.cluster.advance(11_000)
  const lease = await it.cluster.client.get(Lease, { name: 'n1', namespace: 'kube-node-lease' })
  assert.equal(lease.spec?.leaseDurationSeconds, 40)
  assert.equal(lease.metadata.ownerReferences?.[0]?.uid, node.metadata.uid)
  assert.deepEqual(it.events.slice(0, 5), [
    'Starting',
    'NodeHasSufficientMemory',
    'NodeHasNoDiskPressure',
    'NodeHasSufficientPID',
    'NodeReady',
  ])
})

test('the node agent reports a network that is not ready, and writes nothing while nothing changes', async () => {
  await using it = await bed()
  await it.cluster.settle()
  const first = await it.node()
  await it.cluster.advance(60_000)
  assert.equal((await it.node()).metadata.resourceVersion, first.metadata.resourceVersion)
  it.runtime.conditions = [
    { type: 'RuntimeReady', status: true, reason: '', message: '' },
    { type: 'NetworkReady', status: false, reason: 'NetworkPluginNotReady', message: 'cni plugin not initialized' },
  ]
  it.agent.refresh()
  await it.cluster.settle()
  const ready = condition(await it.node(), 'Ready')
  assert.equal(ready?.status, 'False')
  assert.equal(ready.reason, 'KubeletNotReady')
  assert.equal(
    ready.message,
    'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized',
  )
  assert.equal(it.events.at(-1), 'NodeNotReady')
  await it.cluster.advance(320_000)
  const later = condition(await it.node(), 'Ready')
  assert.equal(later?.lastTransitionTime, ready.lastTransitionTime)
  assert.notEqual(later?.lastHeartbeatTime, ready.lastHeartbeatTime)
})

test('the node agent adopts a node that is there and notices a reboot', async () => {
  await using it = await bed()
  await it.cluster.settle()
  await it.cluster.client.patch(Node, { name: 'n1' }, { type: 'merge', body: { metadata: { labels: { mine: 'x' } } } })
  it.stop.abort()
  await it.agent.done
  const stop = new AbortController()
  const addresses = ['10.0.0.1', '10.0.0.2']
  const again = startNodeAgent({ ...it.options, signal: stop.signal, machine: { ...machine, bootId: 'b2' }, addresses })
  await it.cluster.settle()
  const node = await it.node()
  assert.equal(node.metadata.labels?.mine, 'x')
  assert.equal(node.status.nodeInfo.bootID, 'b2')
  assert.deepEqual(
    node.status.addresses?.map(({ address }) => address),
    ['10.0.0.1', '10.0.0.2', 'n1'],
  )
  assert(it.events.includes('Rebooted'))
  stop.abort()
  await again.done
})
