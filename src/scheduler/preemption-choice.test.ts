/** On which of several nodes room is made: as a table, and in random clusters where most choices break a budget, against the rules written down plainly. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '#api/core/v1/pod.ts'
import { PodDisruptionBudget } from '#api/policy/v1/pod-disruption-budget.ts'
import { type Random, seededRandom } from '#lib/random.ts'
import * as make from '#testing/make.ts'
import { ClusterState } from './cluster-state.ts'
import { place } from './cycle.ts'
import { bestCandidate, candidate } from './plugins/preemption-candidates.ts'
import { makeDefaultProfile } from './profiles.ts'

const victim = (priority: number, startTime?: string) => ({ spec: { priority }, status: { startTime } }) as unknown as Pod
const room = (node: string, violations: number, ...victims: readonly Pod[]) =>
  candidate({ node: { name: node } as never, victims, violations })

const early = '2026-01-01T00:00:00Z'
const late = '2026-01-02T00:00:00Z'

const table: readonly (readonly [rule: string, ...candidates: readonly ReturnType<typeof room>[]])[] = [
  ['fewer broken budgets before less important pods', room('a', 2, victim(0)), room('b', 1, victim(9))],
  ['the least important of the most important ones', room('a', 1, victim(5)), room('b', 1, victim(4), victim(4), victim(4))],
  ['the lowest sum', room('a', 0, victim(5), victim(3)), room('b', 0, victim(5), victim(2))],
  ['the fewest, also of negative priority', room('a', 0, victim(-5), victim(-9)), room('b', 0, victim(-5))],
  ['those that run for the shortest time', room('a', 0, victim(1, early)), room('b', 0, victim(1, late))],
  [
    'the start of the most important ones alone',
    room('a', 0, victim(2, early), victim(1, late)),
    room('b', 0, victim(2, late), victim(1, early)),
  ],
  ['one that has not started yet', room('a', 0, victim(1, late)), room('b', 0, victim(1))],
]

for (const [rule, ...candidates] of table) {
  test(`bestCandidate() prefers ${rule}`, () => {
    assert.equal(bestCandidate(candidates)?.node.name, 'b')
    assert.equal(bestCandidate(candidates.toReversed())?.node.name, 'b')
  })
}

test('bestCandidate() takes the first of equals, and none of nothing', () => {
  assert.equal(bestCandidate([room('b', 0, victim(1, early)), room('a', 0, victim(1, early))])?.node.name, 'b')
  assert.equal(bestCandidate([]), undefined)
})

interface Small {
  readonly pod: Pod
  readonly cpu: number
  readonly priority: number
  readonly start: string
  readonly isProtected: boolean
}

const roomOfNode = 8
const wanted = { cpu: 4, priority: 5 }
const cases = 100

test(`place() makes room where it costs least by upstream's rules, in ${cases} clusters in which most pods are protected`, () => {
  let broken = 0
  let made = 0
  for (let seed = 1; seed <= cases; seed++) {
    const random = seededRandom(seed)
    const nodes = Array.from({ length: 1 + Math.floor(random.next() * 5) }, (_, i) => podsOf(`n${i}`, random))
    const choices = nodes.map(choiceOn).filter((one) => one !== undefined)
    const { nomination, node } = place(podOf('new', wanted), stateOf(nodes), {
      profile: makeDefaultProfile(),
      random: seededRandom(seed),
    }) as ReturnType<typeof place> & { nomination?: { node?: string; victims?: readonly Pod[] } }
    if (node) continue
    if (choices.length === 0) {
      assert.equal(nomination?.node, '', `seed ${seed}: room made where there is none to be had`)
      continue
    }
    made++
    const best = choices.reduce((a, b) => (compare(costOf(b), costOf(a)) < 0 ? b : a))
    const names = nomination?.victims?.map(({ metadata }) => metadata.name).sort()
    const chosen = choices.find(
      (one) =>
        one
          .map(({ pod }) => pod.metadata.name)
          .sort()
          .join() === names?.join(),
    )
    assert(chosen, `seed ${seed}: evicts ${names}, which is no choice`)
    assert.deepEqual(costOf(chosen), costOf(best), `seed ${seed}`)
    if (choices.every((one) => one.some(({ isProtected }) => isProtected))) broken++
  }
  assert(made > 40 && broken > 10, `${made} choices, in ${broken} of them every one breaks a budget`)
})

function podsOf(nodeName: string, random: Random): readonly Small[] {
  const pods: Small[] = []
  for (let i = 0, left = roomOfNode; left > 0; i++) {
    const cpu = Math.min(left, 1 + Math.floor(random.next() * 4))
    left -= cpu
    const [priority, isProtected] = [Math.floor(random.next() * 7), random.next() < 0.7]
    const start = `2026-01-01T00:00:${String(10 + Math.floor(random.next() * 4))}Z`
    const labels = { app: isProtected ? 'protected' : 'free' }
    const pod = podOf(`${nodeName}-p${i}`, { cpu, priority, nodeName, labels, start })
    pods.push({ ...{ pod, cpu, priority, start, isProtected } })
  }
  return pods
}

interface Asking {
  readonly cpu: number
  readonly priority: number
  readonly nodeName?: string
  readonly labels?: Record<string, string>
  readonly start?: string
}

function podOf(name: string, { cpu, priority, nodeName, labels = {}, start }: Asking): Pod {
  const containers = [{ name: 'm', image: 'a', resources: { requests: { cpu: `${cpu}` } } }]
  const draft = make.pod(name, { labels, spec: { containers, priority, ...(nodeName && { nodeName }) } })
  return { ...draft, metadata: { ...draft.metadata, uid: name }, status: { startTime: start } } as unknown as Pod
}

function stateOf(nodes: readonly (readonly Small[])[]): ClusterState {
  const state = new ClusterState()
  for (const [i, pods] of nodes.entries()) {
    state.setNode({ spec: {}, ...make.node(`n${i}`, { cpu: `${roomOfNode}` }) } as never)
    for (const { pod } of pods) state.setPod(pod)
  }
  const spec = { selector: { matchLabels: { app: 'protected' } } }
  const budget = { metadata: { name: 'none', namespace: 'default' }, spec, status: { disruptionsAllowed: 0 } }
  state.objects.set(PodDisruptionBudget, budget as unknown as PodDisruptionBudget)
  return state
}

/** Who goes from one node: all who may, but for those who fit back in, the protected first and of both the more important. */
function choiceOn(pods: readonly Small[]): readonly Small[] | undefined {
  const victims = new Set(pods.filter(({ priority }) => priority < wanted.priority))
  const fits = () => sum(pods.filter((one) => !victims.has(one)).map(({ cpu }) => cpu)) + wanted.cpu <= roomOfNode
  if (victims.size === 0 || !fits()) return undefined
  const order = [...victims].sort(
    (a, b) =>
      Number(b.isProtected) - Number(a.isProtected) ||
      b.priority - a.priority ||
      (a.start < b.start ? -1 : Number(a.start > b.start)),
  )
  for (const one of order) {
    victims.delete(one)
    if (!fits()) victims.add(one)
  }
  return [...victims]
}

/** What is compared, one after another: the less the better. */
function costOf(victims: readonly Small[]): readonly number[] {
  const highest = Math.max(...victims.map(({ priority }) => priority))
  const starts = victims.filter(({ priority }) => priority === highest).map(({ start }) => Date.parse(start))
  const broken = victims.filter(({ isProtected }) => isProtected).length
  return [broken, highest, sum(victims.map(({ priority }) => priority + 2 ** 31)), victims.length, -Math.min(...starts)]
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((value, i) => value - (b[i] as number)).find((difference) => difference !== 0) ?? 0
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
