/** Amounts that pods ask for and nodes offer, as numbers that add up. */
import type { Container } from '#api/core/v1/container.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { compareQuantity, milliValue, quantityValue } from '#schema/quantity.ts'
import type { Resources } from './snapshot.ts'

type Quantities = Readonly<Record<string, string>>
type MutableResources = { -readonly [name in keyof Resources]: Resources[name] }

/** Of most; never written to. */
const noOthers: ReadonlyMap<string, number> = new Map()

const named = ['memory', 'ephemeral-storage', 'pods'] as const

export function noResources(): MutableResources {
  return { cpu: 0, memory: 0, 'ephemeral-storage': 0, pods: 0, others: noOthers }
}

function setOther(to: MutableResources, name: string, amount: number): void {
  if (to.others === noOthers) to.others = new Map()
  ;(to.others as Map<string, number>).set(name, amount)
}

/** Quantities as numbers: CPU in thousandths of a core. */
export function resourcesOf(quantities: Quantities = {}): Resources {
  const sum = noResources()
  for (const name of Object.keys(quantities)) {
    const quantity = quantities[name] as string
    if (name === 'cpu') sum.cpu = milliValue(quantity)
    else if (isNamed(name)) sum[name] = quantityValue(quantity)
    else setOther(sum, name, quantityValue(quantity))
  }
  return sum
}

export function isNamed(name: string): name is (typeof named)[number] {
  return name === 'memory' || name === 'ephemeral-storage' || name === 'pods'
}

export function amountOf(resources: Resources, name: string): number {
  if (name === 'cpu' || isNamed(name)) return resources[name]
  return resources.others.get(name) ?? 0
}

export function add(to: MutableResources, more: Resources, sign: 1 | -1 = 1): void {
  to.cpu += sign * more.cpu
  to.memory += sign * more.memory
  to['ephemeral-storage'] += sign * more['ephemeral-storage']
  to.pods += sign * more.pods
  if (more.others === noOthers) return
  for (const [name, amount] of more.others) {
    const left = (to.others.get(name) ?? 0) + sign * amount
    if (left !== 0) setOther(to, name, left)
    else if (to.others !== noOthers) (to.others as Map<string, number>).delete(name)
  }
}

function raise(to: MutableResources, atLeast: Resources): void {
  to.cpu = Math.max(to.cpu, atLeast.cpu)
  for (const name of named) to[name] = Math.max(to[name], atLeast[name])
  for (const [name, amount] of atLeast.others) setOther(to, name, Math.max(to.others.get(name) ?? 0, amount))
}

/** What scoring assumes for containers that ask for nothing (upstream `DefaultMilliCPURequest`, `DefaultMemoryRequest`). */
const assumed = { cpu: 100, memory: 200 * 1024 * 1024 }

/**
 * What a pod asks for (upstream `resourcehelper.PodRequests`): the sum of its containers and sidecars, or the most that an init container
 * needs beside the sidecars started before it, whichever is more; pod-level requests replace that; overhead on top. On a node a container
 * counts with the most of what is asked, allocated and in force, so that a resize under way never over-commits (KEP-1287).
 */
export function podRequests(pod: Pod, { nonZero = false } = {}): Resources {
  const { spec } = pod
  const of = containerAmounts(pod, nonZero)
  const sum = noResources()
  for (const container of spec.containers) add(sum, of(container))
  if (spec.initContainers?.length) addInitial(sum, spec.initContainers, of)
  replaceByPodLevel(sum, podLevelRequests(pod))
  if (spec.overhead) add(sum, resourcesOf(spec.overhead))
  sum.pods = 1
  return sum
}

/** To the sum of the containers that stay. */
function addInitial(sum: MutableResources, containers: readonly Container[], of: (container: Container) => Resources): void {
  const sidecars = noResources()
  const peak = noResources()
  for (const container of containers) {
    const requests = of(container)
    if (container.restartPolicy === 'Always') {
      add(sidecars, requests)
      raise(peak, sidecars)
    } else {
      const beside = noResources()
      add(beside, sidecars)
      add(beside, requests)
      raise(peak, beside)
    }
  }
  add(sum, sidecars)
  raise(sum, peak)
}

/** Where a container asks for nothing, scoring assumes something, unless the pod as a whole says what it needs. */
function containerAmounts(pod: Pod, nonZero: boolean): (container: Container) => Resources {
  const level = pod.spec.resources?.requests ?? {}
  const assumes = { cpu: nonZero && !('cpu' in level), memory: nonZero && !('memory' in level) }
  const infeasible = isInfeasible(pod)
  return (container) => {
    const requests = container.resources?.requests ?? {}
    const amounts = resourcesOf(requests) as MutableResources
    const status = pod.spec.nodeName ? statusOf(pod, container.name) : undefined
    if (status) overlay(amounts, status, infeasible)
    if (assumes.cpu && !('cpu' in requests)) amounts.cpu = assumed.cpu
    if (assumes.memory && !('memory' in requests)) amounts.memory = assumed.memory
    return amounts
  }
}

interface InForce {
  readonly allocatedResources?: Quantities | undefined
  readonly resources?: { readonly requests?: Quantities | undefined } | undefined
}

function statusOf({ status }: Pod, name: string): InForce | undefined {
  const all = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])]
  return all.find((one) => one.name === name) as InForce | undefined
}

function overlay(amounts: MutableResources, { allocatedResources, resources }: InForce, infeasible: boolean): void {
  if (!allocatedResources && !resources?.requests) return
  const present = resourcesOf(allocatedResources)
  raise(present as MutableResources, resourcesOf(resources?.requests))
  if (!infeasible) return raise(amounts, present)
  amounts.cpu = present.cpu
  amounts.memory = present.memory
}

/** A resize that the node can never grant does not count. */
function isInfeasible({ status }: Pod): boolean {
  return (status?.conditions ?? []).some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible')
}

function podLevelRequests(pod: Pod): Quantities | undefined {
  const { spec, status } = pod
  const requests = spec.resources?.requests
  if (!requests || !spec.nodeName || !status.resources) return requests
  const { allocatedResources = {}, resources } = status
  const present = [allocatedResources, resources.requests ?? {}]
  const counted: readonly Quantities[] = isInfeasible(pod) ? present : [requests, ...present]
  const most: Record<string, string> = {}
  for (const name of Object.keys(requests)) {
    most[name] = counted.map((one) => one[name] ?? '0').reduce((a, b) => (compareQuantity(b, a) > 0 ? b : a))
  }
  return most
}

function replaceByPodLevel(sum: MutableResources, requests: Quantities | undefined): void {
  if (!requests) return
  const level = resourcesOf(requests)
  if ('cpu' in requests) sum.cpu = level.cpu
  if ('memory' in requests) sum.memory = level.memory
  for (const [name, amount] of level.others) setOther(sum, name, amount)
}
