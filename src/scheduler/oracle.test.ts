/** The scheduler against the naive one, over random clusters; a failure prints its seed and the smallest cluster that shows it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import { naiveObjects } from '#testing/naive-objects.ts'
import { type NaiveCluster, naiveFeasible, naiveScores } from '#testing/naive-scheduler.ts'
import { claimNames, deviceClaimNames, randomNode, randomPod, richNode, richPod } from '#testing/random-cluster.ts'
import { ClusterState } from './cluster-state.ts'
import { bestNodes, place } from './cycle.ts'
import { makeDefaultProfile } from './profiles.ts'
import { prepareRun, verdictOf } from './run.ts'
import { ResultCache } from './shared-results.ts'

const profile = makeDefaultProfile()

function stateOf(cluster: NaiveCluster): ClusterState {
  const { nodes, pods } = cluster
  const state = new ClusterState()
  for (const [kind, object] of naiveObjects(cluster)) state.objects.set(kind, object)
  for (const node of nodes) state.setNode(node)
  for (const pod of pods) state.setPod(pod)
  return state
}

function differences(pod: Pod, cluster: NaiveCluster, state = stateOf(cluster), cache?: ResultCache): string | undefined {
  const expected = naiveFeasible(pod, cluster)
  const run = prepareRun(pod, state, { profile, cache })
  const infos = run.reject ? [] : state.nodes.filter((node) => !verdictOf(run, node))
  const names = (nodes: readonly { name: string }[]) => nodes.map(({ name }) => name).sort()
  const wanted = expected.map(({ metadata }) => metadata.name).sort()
  if (names(infos).join() !== wanted.join()) return `fits on [${names(infos)}], should on [${wanted}]`
  if (expected.length < 2) return undefined
  const scores = naiveScores(pod, expected, cluster)
  const best = expected.filter((_, i) => scores[i] === Math.max(...scores)).map(({ metadata }) => metadata.name)
  const found = names(bestNodes(run, infos))
  return found.join() === best.sort().join() ? undefined : `best on [${found}], should on [${best}]`
}

interface Case {
  readonly pod: Pod
  readonly cluster: NaiveCluster
}

interface Making {
  node(name: string, random: Random): Node
  pod(name: string, random: Random, nodeName?: string): Pod
  readonly more?: (nodes: readonly Node[], random: Random) => Partial<NaiveCluster>
}

const plain: Making = { node: randomNode, pod: randomPod }

function randomCase(random: Random, make = plain): Case {
  const nodes: Node[] = []
  const count = 1 + Math.floor(random.next() * 8)
  for (let i = 0; i < count; i++) nodes.push(make.node(`n${i}`, random))
  const pods: Pod[] = []
  const running = Math.floor(random.next() * 14)
  for (let i = 0; i < running; i++) {
    const { metadata } = nodes[Math.floor(random.next() * nodes.length)] as Node
    pods.push(make.pod(`p${i}`, random, metadata.name))
  }
  return { pod: make.pod('new', random), cluster: { nodes, pods, ...make.more?.(nodes, random) } }
}

/** Leaves out nodes and pods for as long as it still fails. */
function shrunk({ pod, cluster }: Case): Case {
  for (const part of ['pods', 'nodes'] as const) {
    for (const one of cluster[part]) {
      const less = { ...cluster, [part]: (cluster[part] as readonly unknown[]).filter((other) => other !== one) } as NaiveCluster
      if (less.nodes.length > 0 && differences(pod, less)) return shrunk({ pod, cluster: less })
    }
  }
  return { pod, cluster }
}

const cases = 3_000

test(`the scheduler finds the nodes and the best nodes that the naive one finds, in ${cases} random clusters`, () => {
  for (let seed = 1; seed <= cases; seed++) {
    const found = randomCase(seededRandom(seed))
    if (!differences(found.pod, found.cluster)) continue
    const small = shrunk(found)
    assert.fail(`seed ${seed}: ${differences(small.pod, small.cluster)}\n${JSON.stringify(small, null, 1)}`)
  }
})

const rich: Making = {
  node: richNode,
  pod: richPod,
  more: (nodes, random) => ({
    volumes: claimNames.map((name) => ({
      name,
      zone: `z${1 + Math.floor(random.next() * 3)}`,
      isForOnePod: random.next() < 0.3,
    })),
    attachable: 1 + Math.floor(random.next() * 3),
    freeDevices: Object.fromEntries(nodes.map(({ metadata }) => [metadata.name, Math.floor(random.next() * 5)])),
    deviceClaims: Object.fromEntries(deviceClaimNames.map((name) => [name, 1 + Math.floor(random.next() * 2)])),
  }),
}

test('the scheduler agrees with the naive one on pods of many parts, with images, volumes and devices', () => {
  for (let seed = 1; seed <= 1_500; seed++) {
    const { pod, cluster } = randomCase(seededRandom(seed), rich)
    const found = differences(pod, cluster)
    if (found) assert.fail(`seed ${seed}: ${found}\n${JSON.stringify(shrunk({ pod, cluster }), null, 1)}`)
  }
})

test('the scheduler agrees with the naive one while nodes and pods come, change and go, with shared results', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed)
    const templates = [1, 2, 3].map((i) => randomPod(`t${i}`, random))
    let { cluster } = randomCase(random)
    const state = stateOf(cluster)
    const cache = new ResultCache()
    for (let step = 0; step < 40; step++) {
      cluster = changed(cluster, state, { random, step })
      const template = templates[step % templates.length] as Pod
      const pod = { ...template, metadata: { ...template.metadata, name: `s${step}`, uid: `s${step}` } }
      assert.equal(differences(pod, cluster, state, cache), undefined, `seed ${seed}, step ${step}`)
    }
  }
})

function changed(cluster: NaiveCluster, state: ClusterState, { random, step }: { random: Random; step: number }): NaiveCluster {
  const { nodes, pods } = cluster
  const chance = random.next()
  const node = nodes[Math.floor(random.next() * nodes.length)] as Node
  if (chance < 0.4) {
    const pod = randomPod(`c${step}`, random, node.metadata.name)
    state.setPod(pod)
    return { nodes, pods: [...pods, pod] }
  }
  if (chance < 0.6 && pods.length > 0) {
    const gone = pods[Math.floor(random.next() * pods.length)] as Pod
    state.deletePod(gone.metadata.uid)
    return { nodes, pods: pods.filter((pod) => pod !== gone) }
  }
  if (chance < 0.8) {
    const other = randomNode(node.metadata.name, random)
    state.setNode(other)
    return { nodes: nodes.map((one) => (one === node ? other : one)), pods }
  }
  if (chance < 0.9 && nodes.length > 1) {
    state.deleteNode(node.metadata.name)
    return { nodes: nodes.filter((one) => one !== node), pods }
  }
  const fresh = randomNode(`f${step}`, random)
  state.setNode(fresh)
  return { nodes: [...nodes, fresh], pods }
}

test('place() decides the same with and without shared results', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const decisions = [undefined, new ResultCache()].map((cache) => {
      const random = seededRandom(seed)
      const nodes = Array.from({ length: 150 }, (_, i) => randomNode(`n${i}`, random))
      const templates = [1, 2, 3, 4].map((i) => randomPod(`t${i}`, random))
      const state = stateOf({ nodes, pods: [] })
      return Array.from({ length: 60 }, (_, i) => {
        const template = templates[i % 4] as Pod
        const pod = { ...template, metadata: { ...template.metadata, name: `x${i}`, uid: `x${i}` } }
        const placement = place(pod, state, { profile, random: seededRandom(i), startAt: i, cache })
        if (!placement.node) return placement.message
        state.setPod({ ...pod, spec: { ...pod.spec, nodeName: placement.node.name } })
        return placement.node.name
      })
    })
    assert.deepEqual(decisions[0], decisions[1], `seed ${seed}`)
  }
})
