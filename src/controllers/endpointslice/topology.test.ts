import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Event } from '#api/core/v1/event.ts'
import { Node } from '#api/core/v1/node.ts'
import { Pod } from '#api/core/v1/pod.ts'
import { Service } from '#api/core/v1/service.ts'
import { type Endpoint, EndpointSlice } from '#api/discovery/v1/endpoint-slice.ts'
import { testCluster } from '#testing/cluster.ts'
import { node, pod, service } from '#testing/make.ts'
import { holdsForAll } from '#testing/property.ts'
import { setReady } from '#testing/run-pods.ts'
import { endpointSliceController } from './endpointslice.ts'
import { planHints, zoneShares } from './topology.ts'

const slice = (zones: readonly string[], hints: readonly string[] = []): EndpointSlice =>
  ({
    metadata: { name: 's' },
    endpoints: zones.map((zone, at) => ({
      addresses: [`10.0.0.${at}`],
      conditions: { ready: true },
      zone,
      ...(hints[at] && { hints: { forZones: [{ name: hints[at] }] } }),
    })),
  }) as never
const given = (endpoints: readonly Endpoint[] = []) => endpoints.map(({ hints }) => hints?.forZones?.[0]?.name ?? '').join('')
const empty = { create: [], update: [], delete: [] }
const even = new Map([
  ['a', 0.5],
  ['b', 0.5],
])

const cases: readonly [string, string, string, ReadonlyMap<string, number>, string][] = [
  ['each its own zone where that is even', 'aabb', 'aabb', even, ''],
  ['a crowded zone gives', 'aaab', 'baab', even, ''],
  ['shares decide', 'aabb', 'aaab', new Map([...even.keys()].map((zone) => [zone, zone === 'a' ? 0.75 : 0.25])), ''],
  ['too few endpoints', 'a', '', even, 'Insufficient number of endpoints (1 endpoints, 2 zones)'],
  [
    'a share that nobody can meet',
    'aab',
    '',
    even,
    'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (3 endpoints, 2 zones)',
  ],
]
for (const [name, zones, wanted, shares, problem] of cases) {
  test(`planHints(): ${name}`, () => {
    const plan = planHints({ ...empty, update: [slice([...zones])] }, { unchanged: [], shares, family: 'IPv4' })
    assert.equal(plan.problem, problem ? `${problem}, addressType: IPv4` : undefined)
    assert.equal(given(plan.update[0]?.endpoints), wanted)
  })
}

test('planHints() leaves a slice alone whose hints still fit, and writes one whose do not', () => {
  const options = { shares: even, family: 'IPv4' } as const
  assert.deepEqual(planHints(empty, { ...options, unchanged: [slice([...'aabb'], [...'aabb'])] }).update, [])
  const crowded = planHints(empty, { ...options, unchanged: [slice([...'aabb'], [...'aaaa'])] })
  assert.equal(given(crowded.update[0]?.endpoints), 'aabb')
})

test('planHints() overloads no zone by more than a fifth', () => {
  holdsForAll(
    { make: (dice) => ({ cpus: dice.some(4, () => 1 + dice.upTo(15)), zones: dice.some(60, () => dice.upTo(3)) }) },
    ({ cpus, zones }) => {
      if (cpus.length < 2) return
      const total = cpus.reduce((sum, one) => sum + one, 0)
      const shares = new Map(cpus.map((cpu, zone) => [`z${zone}`, cpu / total]))
      const where = zones.map((zone) => `z${zone % cpus.length}`)
      const { update, problem } = planHints({ ...empty, update: [slice(where)] }, { unchanged: [], shares, family: 'IPv4' })
      const counts = Map.groupBy(update[0]?.endpoints ?? [], ({ hints }) => hints?.forZones?.[0]?.name ?? '')
      if (problem !== undefined) assert.deepEqual([...counts.keys()].filter(Boolean), [])
      else
        for (const [zone, share] of shares)
          assert.ok((counts.get(zone)?.length ?? 0) >= Math.floor((share * where.length) / 1.2 - 0.5), `${zone}`)
    },
  )
})

test('zoneShares() wants to know of every node that is ready', () => {
  const at = (zone: string | undefined, cpu: string, labels = {}) =>
    ({
      metadata: { labels: { ...(zone && { 'topology.kubernetes.io/zone': zone }), ...labels } },
      status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: 'True' }] },
    }) as never as Node
  assert.deepEqual(
    [...(zoneShares([at('b', '3'), at('a', '1')]) ?? [])],
    [
      ['a', 0.25],
      ['b', 0.75],
    ],
  )
  assert.equal(zoneShares([at('a', '1'), at(undefined, '1')]), undefined)
  assert.equal(zoneShares([at('a', '1'), at('b', '0')]), undefined)
  assert.equal(zoneShares([at('a', '1')]), undefined)
  assert.equal(
    zoneShares([at('a', '1'), at('b', '1'), at(undefined, '1', { 'node-role.kubernetes.io/control-plane': '' })])?.size,
    2,
  )
})

test('EndpointSlice controller gives zones to endpoints of a Service that asks for it, and takes them back', async () => {
  await using cluster = await testCluster({ controllers: [endpointSliceController], policy: true })
  const { client } = cluster
  for (const zone of ['a', 'b']) await client.create(Node, node(`n${zone}`, { labels: { 'topology.kubernetes.io/zone': zone } }))
  for (const [at, zone] of [...'aaab'].entries()) {
    const made = await client.create(Pod, pod(`p${at}`, { labels: { app: 'web' }, spec: { nodeName: `n${zone}` } }))
    await setReady(cluster, made, true, `10.244.0.${at + 2}`)
  }
  const auto = { 'service.kubernetes.io/topology-mode': 'Auto' }
  const draft = service('web')
  const web = await client.create(Service, { ...draft, metadata: { ...draft.metadata, annotations: auto } } as never)
  await cluster.settle()
  const hints = async () => given((await cluster.list(EndpointSlice))[0]?.endpoints)
  assert.equal([...(await hints())].sort().join(''), 'aabb')
  const { resourceVersion } = (await cluster.list(EndpointSlice))[0]!.metadata
  await client.patch(Node, { name: 'na' }, { type: 'merge', body: { metadata: { labels: { x: 'y' } } } })
  await cluster.settle()
  assert.equal((await cluster.list(EndpointSlice))[0]!.metadata.resourceVersion, resourceVersion)
  await client.patch(Service, web, {
    type: 'merge',
    body: { metadata: { annotations: { 'service.kubernetes.io/topology-mode': null } } },
  })
  await cluster.settle()
  assert.equal(await hints(), '')
  assert.deepEqual((await cluster.list(Event)).map(({ reason, message }) => `${reason} ${message}`).sort(), [
    'TopologyAwareHintsDisabled Topology Aware Hints has been disabled, addressType: IPv4',
    'TopologyAwareHintsEnabled Topology Aware Hints has been enabled, addressType: IPv4',
  ])
  assert.deepEqual(cluster.errors, [])
})
