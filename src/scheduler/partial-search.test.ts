/** The search that stops when enough nodes fit, against the one that looks at all of them: the same nodes in the same order, and the best of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '#api/core/v1/node.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { seededRandom } from '#lib/random.ts'
import { randomNode, randomPod } from '#testing/random-cluster.ts'
import { ClusterState } from './cluster-state.ts'
import { bestNodes, enoughNodes, look, place } from './cycle.ts'
import type { NodeInfo } from './framework/snapshot.ts'
import { makeDefaultProfile } from './profiles.ts'
import { prepareRun, verdictOf } from './run.ts'
import { ResultCache } from './shared-results.ts'

const profile = makeDefaultProfile()
const size = 400

function clusterOf(seed: number) {
  const random = seededRandom(seed)
  const nodes: Node[] = Array.from({ length: size }, (_, i) => randomNode(`n${i}`, random))
  const pods = Array.from({ length: 60 }, (_, i) => randomPod(`p${i}`, random, `n${Math.floor(random.next() * size)}`))
  const state = new ClusterState()
  for (const node of nodes) state.setNode(node)
  for (const pod of pods) state.setPod(pod)
  return { state, pod: randomPod('new', random) }
}

function found(pod: Pod, state: ClusterState, options: { percentage: number; startAt: number; cache: ResultCache | undefined }) {
  const looked = look(pod, state, { profile, random: seededRandom(1), ...options })
  return 'found' in looked
    ? { names: looked.found.nodes.map(({ name }) => name), evaluated: looked.found.evaluated }
    : { names: [], evaluated: 0 }
}

test('a full search finds every node that fits, and the partial one the first of them, from wherever it begins', () => {
  let partial = 0
  for (let seed = 1; seed <= 20; seed++) {
    const { state, pod } = clusterOf(seed)
    const startAt = (seed * 37) % size
    const run = prepareRun(pod, state, { profile })
    const inOrder = [...state.nodes.slice(startAt), ...state.nodes.slice(0, startAt)]
    const fitting = run.reject ? [] : inOrder.filter((node) => !verdictOf(run, node)).map(({ name }) => name)
    for (const cache of [undefined, new ResultCache()]) {
      const all = found(pod, state, { percentage: 100, startAt, cache })
      assert.deepEqual(all.names, fitting, `seed ${seed}`)
      const some = found(pod, state, { percentage: 1, startAt, cache })
      assert.deepEqual(some.names, fitting.slice(0, enoughNodes(size, 1)), `seed ${seed}`)
      if (some.names.length === fitting.length) continue
      partial++
      assert(some.evaluated < size, `seed ${seed}: looked at all of them nevertheless`)
    }
  }
  assert(partial > 5, `only ${partial} searches stopped before the end`)
})

test('place() takes one of the best of those that it looked at: of all of them in a full search', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { state, pod } = clusterOf(seed)
    for (const percentage of [100, 1]) {
      const { names } = found(pod, state, { percentage, startAt: seed, cache: undefined })
      const { node } = place(pod, state, { profile, random: seededRandom(seed), percentage, startAt: seed })
      const seen = names.map((name) => state.get(name) as NodeInfo)
      const best = seen.length > 0 ? bestNodes(prepareRun(pod, state, { profile }), seen).map(({ name }) => name) : ['']
      assert(best.includes(node?.name ?? ''), `seed ${seed}, ${percentage} %: ${node?.name} is not among ${best}`)
    }
  }
})

test('place() looks on where it stopped, so that all nodes get their turn', () => {
  const state = new ClusterState()
  for (let i = 0; i < 300; i++) state.setNode(randomEmptyNode(`n${i}`))
  const seen = new Set<string>()
  let startAt = 0
  for (let i = 0; i < 3; i++) {
    const pod = { metadata: { name: `p${i}`, namespace: 'd', uid: `p${i}` }, spec: { containers: [{ name: 'm' }] }, status: {} }
    const placed = look(pod as unknown as Pod, state, { profile, random: seededRandom(1), percentage: 1, startAt })
    assert('found' in placed)
    for (const { name } of placed.found.nodes) seen.add(name)
    startAt = (startAt + placed.found.evaluated) % 300
  }
  assert.equal(seen.size, 300)
})

function randomEmptyNode(name: string): Node {
  const allocatable = { cpu: '4', memory: '8Gi', pods: '110' }
  return { metadata: { name, labels: {} }, spec: {}, status: { allocatable, capacity: allocatable } } as unknown as Node
}
