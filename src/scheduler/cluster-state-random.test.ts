/** Whatever comes, goes and changes: what is kept up to date is what would be worked out anew, and no node is given more than it has. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import { randomNode, randomPod } from '#testing/random-cluster.ts'
import { ClusterState } from './cluster-state.ts'
import { place } from './cycle.ts'
import { factsOf, onNode } from './framework/pod-facts.ts'
import type { Resources } from './framework/snapshot.ts'
import { makeDefaultProfile } from './profiles.ts'
import { ResultCache } from './shared-results.ts'

interface World {
  readonly state: ClusterState
  readonly nodes: Map<string, Node>
  readonly pods: Map<string, Pod>
  readonly random: Random
}

test('ClusterState is after any changes what it would be if it were made anew', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const world: World = { state: new ClusterState(), nodes: new Map(), pods: new Map(), random: seededRandom(seed) }
    const probe = randomPod('probe', world.random)
    for (let step = 0; step < 150; step++) {
      change(world, step)
      if (step % 10 === 0)
        assert.deepEqual(summary(world.state, probe), summary(anew(world), probe), `seed ${seed}, step ${step}`)
    }
  }
})

function change(world: World, step: number): void {
  const { state, nodes, pods, random } = world
  const name = `n${Math.floor(random.next() * 6)}`
  const chance = random.next()
  if (chance < 0.25) {
    const node = randomNode(name, random)
    const images = [{ names: [`image-${step % 3}:1`], sizeBytes: 1_000 }]
    const made = { ...node, status: { ...node.status, ...(random.next() < 0.5 && { images }) } } as Node
    nodes.set(name, made)
    state.setNode(made)
  } else if (chance < 0.32) {
    nodes.delete(name)
    state.deleteNode(name)
  } else if (chance < 0.7) {
    // Some are seen again on the same node or another, some before their node is.
    const pod = withClaim(randomPod(`p${Math.floor(random.next() * 25)}`, random, name), random)
    pods.set(pod.metadata.uid, pod)
    state.setPod(pod)
  } else if (chance < 0.85) {
    const [uid] = [...pods.keys()].sort(() => random.next() - 0.5)
    if (uid === undefined) return
    pods.delete(uid)
    state.deletePod(uid)
  } else pretend(world, name)
}

function withClaim(pod: Pod, random: Random): Pod {
  if (random.next() < 0.7) return pod
  const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: `claim-${Math.floor(random.next() * 3)}` } }]
  return { ...pod, spec: { ...pod.spec, volumes } } as Pod
}

function pretend({ state, random }: World, name: string): void {
  const removed = (state.get(name)?.pods ?? []).filter(() => random.next() < 0.5)
  const added = [randomPod('rival', random)]
  state.without(name, { removed, added }, (putBack) => {
    for (const pod of removed) if (random.next() < 0.5) putBack(pod)
  })
}

function anew({ nodes, pods }: World): ClusterState {
  const state = new ClusterState()
  for (const node of nodes.values()) state.setNode(node)
  for (const pod of pods.values()) state.setPod(pod)
  return state
}

/** Everything that plugins see, in an order of its own. */
function summary(state: ClusterState, probe: Pod) {
  const entries = (map: ReadonlyMap<string, number>) => Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)))
  const amounts = ({ others, ...rest }: Resources) => ({
    ...rest,
    others: entries(others),
  })
  const [term] = [...factsOf(probe).terms.affinity, ...factsOf(probe).terms.antiAffinity]
  const counts = term && state.counts.matching({ key: `terms ${term.key}`, terms: [term] })
  const byName = [...state.nodes].sort((a, b) => (a.name < b.name ? -1 : 1))
  return {
    nodes: byName.map((info) => ({
      name: info.name,
      pods: info.pods.map(({ metadata }) => metadata.uid).sort(),
      requested: amounts(info.requested),
      nonZero: amounts(info.nonZeroRequested),
      ports: [...info.usedPorts].sort(),
      claims: entries(info.usedClaims),
      images: entries(info.images),
      matching: counts ? (counts.slots[info.slot] ?? 0) : undefined,
      zone: counts ? domainSum(state, counts, info.slot) : undefined,
    })),
    total: counts?.total,
    images: [0, 1, 2].map((i) => state.nodesWithImage(`image-${i}:1`)),
    users: [0, 1, 2].flatMap((i) => ['default', 'other'].map((namespace) => state.claimUsers(`${namespace}/claim-${i}`))),
    terms: (['affinity', 'antiAffinity', 'preferred', 'preferredAnti'] as const).map((kind) => {
      return [...state.counts.termsOf(kind)].map(({ term, weight, counts }) => `${weight} ${term.key} ${counts.total}`).sort()
    }),
  }
}

function domainSum(state: ClusterState, counts: ReturnType<ClusterState['counts']['matching']>, slot: number): number {
  const domains = state.topology.domains('zone')
  const domain = domains.of[slot] as number
  return domain < 0 ? -1 : (counts.byDomain(domains)[domain] as number)
}

test('the scheduler never gives a node more than it has, while nodes come, change and go and room is kept for some', () => {
  let placed = 0
  for (let seed = 1; seed <= 12; seed++) {
    const random = seededRandom(seed)
    const [state, cache, profile] = [new ClusterState(), new ResultCache(), makeDefaultProfile()]
    for (let i = 0; i < 10; i++) state.setNode(randomNode(`n${i}`, random))
    const templates = Array.from({ length: 5 }, (_, i) => randomPod(`t${i}`, random))
    for (let i = 0; i < 150; i++) {
      const template = templates[i % templates.length] as Pod
      const pod = { ...template, metadata: { ...template.metadata, name: `x${i}`, uid: `x${i}` } }
      const { node, nomination } = { nomination: undefined, ...place(pod, state, { profile, random, startAt: i, cache }) }
      if (node) {
        placed++
        const before = { ...node.requested }
        state.setPod(onNode(pod, node.name))
        assertRoom(node, before, `seed ${seed}, pod ${i}`)
      } else if (nomination?.node) state.nominate(pod, nomination.node)
      if (i % 7 === 0) state.setNode(randomNode(`n${Math.floor(random.next() * 12)}`, random))
      if (i % 13 === 0) state.deleteNode(`n${Math.floor(random.next() * 12)}`)
      if (i % 5 === 0) state.deletePod(`x${Math.floor(random.next() * i)}`)
    }
  }
  assert(placed > 200, `${placed} placed`)
})

function assertRoom(
  node: NonNullable<ReturnType<ClusterState['get']>>,
  before: { cpu: number; memory: number },
  what: string,
): void {
  const { requested, allocatable, podCount } = node
  assert(podCount <= allocatable.pods, `${what}: ${podCount} pods`)
  for (const name of ['cpu', 'memory'] as const) {
    if (requested[name] > before[name]) assert(requested[name] <= allocatable[name], `${what}: ${requested[name]} ${name}`)
  }
}
