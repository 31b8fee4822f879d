/**
 * `placeWithExtenders`: as `place`, with a say for extenders: they may refuse nodes, weigh them, and choose among victims (upstream `schedule_one.go`,
 * `findNodesThatPassExtenders`, `prioritizeNodes`, `callExtenders`).
 *
 * Assumes that no other pod is placed meanwhile. Caveat: nodes and pods may change while an extender thinks, so what was chosen is looked at once more.
 */
import type { Pod } from '#api/core/v1/pod.ts'
import { conclude, type Looked, look, type Placement, type PlaceOptions, type Refused } from '../cycle.ts'
import type { Candidate, Nomination, Rejection } from '../framework/plugin.ts'
import type { NodeInfo, Snapshot } from '../framework/snapshot.ts'
import { bestCandidate, candidate } from '../plugins/preemption-candidates.ts'
import { moreImportantFirst } from '../plugins/preemption-victims.ts'
import { verdictAnew } from '../run.ts'
import type { Extender, Filtered, Victims } from './extender.ts'

export interface Consulting extends PlaceOptions {
  readonly extenders: readonly Extender[]
}

/** What extenders say goes to 10, what plugins say to 100. */
const scale = 10

export async function placeWithExtenders(pod: Pod, snapshot: Snapshot, options: Consulting): Promise<Placement> {
  const extenders = options.extenders.filter((one) => one.isInterested(pod))
  try {
    const decided = await decide(pod, snapshot, { ...options, extenders })
    if (decided.node) return isOutdated(decided.run, snapshot, decided.node) ? failed(changed) : decided
    if (!decided.nomination?.candidates) return decided
    const nomination = await agreedNomination(pod, decided.nomination, extenders)
    return { ...decided, nomination, message: [decided.message, nomination.message].filter(Boolean).join(' ') }
  } catch (error) {
    return failed((error as Error).message)
  }
}

const changed = 'the node changed while extenders were asked'

function isOutdated(run: Looked['run'], snapshot: Snapshot, node: NodeInfo): boolean {
  return snapshot.get(node.name) !== node || verdictAnew(run, node) !== undefined
}

async function decide(pod: Pod, snapshot: Snapshot, options: Consulting): Promise<Placement> {
  const { extenders } = options
  const looked = look(pod, snapshot, options)
  if (!('found' in looked)) return looked
  const passed = await filtered(pod, looked, extenders)
  const isNominated = looked.found.evaluated === 0 && passed.found.nodes.length === 0 && looked.found.nodes.length > 0
  if (isNominated && !options.ignoresNomination) return decide(pod, snapshot, { ...options, ignoresNomination: true })
  const { nodes } = passed.found
  const extra = nodes.length > 1 ? await prioritized(pod, nodes, extenders) : undefined
  const placement = conclude(passed, options, extra)
  // Nobody tells when an extender would change its mind: any event may be what it waited for.
  const isTheirs = passed.found.nodes.length < looked.found.nodes.length
  return !placement.node && isTheirs ? { ...placement, rejectedBy: new Set() } : placement
}

async function filtered(pod: Pod, looked: Looked, extenders: readonly Extender[]): Promise<Looked> {
  let { found } = looked
  for (const extender of extenders) {
    if (found.nodes.length === 0) break
    if (!extender.filters) continue
    const objects = found.nodes.map(({ node }) => node)
    const answer = await unlessIgnorable(extender, () => extender.filter(pod, objects))
    if (!answer) continue
    const gone = found.nodes.filter(({ name }) => !answer.nodes.has(name))
    found = {
      ...found,
      nodes: found.nodes.filter(({ name }) => answer.nodes.has(name)),
      slots: undefined,
      rejected: [...found.rejected, ...gone],
      rejections: [...found.rejections, ...gone.map(({ name }) => refusalOf(name, answer))],
    }
  }
  return { ...looked, found }
}

function refusalOf(node: string, { failed, unresolvable }: Filtered): Rejection {
  const hopeless = unresolvable.get(node)
  if (hopeless !== undefined) return { message: hopeless, unresolvable: true }
  const message = failed.get(node)
  // Left out without a word: counted nowhere, as upstream has it.
  return message === undefined ? { message: '', reasons: [], unresolvable: true } : { message }
}

/** An extender that fails to weigh has no say. */
async function prioritized(pod: Pod, nodes: readonly NodeInfo[], extenders: readonly Extender[]) {
  const objects = nodes.map(({ node }) => node)
  const weighing = extenders.filter(({ prioritizes }) => prioritizes)
  const answers = await Promise.allSettled(weighing.map((extender) => extender.prioritize(pod, objects)))
  const sums = new Map<string, number>()
  for (const [i, answer] of answers.entries()) {
    if (answer.status === 'rejected') continue
    for (const [node, score] of answer.value) {
      sums.set(node, (sums.get(node) ?? 0) + score * (weighing[i] as Extender).weight * scale)
    }
  }
  return sums
}

/** Where they leave nothing to choose from, or fail, an earlier nomination stays. */
async function agreedNomination(pod: Pod, nomination: Nomination, extenders: readonly Extender[]): Promise<Nomination> {
  const asked = extenders.filter(({ preempts }) => preempts)
  if (asked.length === 0) return nomination
  const { act, otherwise } = nomination
  let candidates = nomination.candidates ?? []
  try {
    for (const extender of asked) {
      if (candidates.length === 0) break
      candidates = (await unlessIgnorable(extender, () => agreed(pod, candidates, extender))) ?? candidates
    }
  } catch (error) {
    return { message: `preemption: ${(error as Error).message}`, act }
  }
  const best = bestCandidate(candidates)
  if (best) return { ...nomination, candidates, node: best.node.name, victims: best.victims }
  return { message: [otherwise, 'preemption: no candidate node for preemption'].filter(Boolean).join(', '), act }
}

async function agreed(pod: Pod, candidates: readonly Candidate[], extender: Extender): Promise<readonly Candidate[]> {
  const byNode = new Map(candidates.map((one) => [one.node.name, one]))
  const victims = new Map(
    candidates.map(({ node, victims: pods, violations }): [string, Victims] => [node.name, { pods, violations }]),
  )
  const left: Candidate[] = []
  for (const [name, { pods, violations }] of await extender.preempt(pod, victims)) {
    const node = byNode.get(name)?.node
    if (!node) throw new Error(`nodeinfo not found for node name ${JSON.stringify(name)}`)
    const chosen = node.pods.filter(({ metadata }) => pods.includes(metadata.uid)).sort(moreImportantFirst)
    if (chosen.length < pods.length) {
      const uid = pods.find((one) => !chosen.some(({ metadata }) => metadata.uid === one))
      const what = `pod (UID: &{${uid}}) on node: ${name}, but the pod is not found on that node`
      throw new Error(`extender: ${extender.name} claims to preempt ${what}`)
    }
    if (chosen.length > 0) left.push(candidate({ node, victims: chosen, violations }))
    else if (!extender.isIgnorable) throw new Error(`expected at least one victim pod on node ${JSON.stringify(name)}`)
  }
  return left
}

async function unlessIgnorable<T>({ isIgnorable }: Extender, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (!isIgnorable) throw error
    return undefined
  }
}

function failed(message: string): Refused {
  return { node: undefined, message, rejectedBy: new Set(), isError: true }
}
