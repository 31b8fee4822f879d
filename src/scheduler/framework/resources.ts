/** Amounts that pods ask for and nodes offer, as numbers that add up. */
import type { Container } from '#api/core/v1/container.ts'
import type { Pod } from '#api/core/v1/pod.ts'
import { milliValue, quantityValue } from '#schema/quantity.ts'
import type { Resources } from './snapshot.ts'

type Quantities = Readonly<Record<string, string>>
type MutableResources = { cpu: number; memory: number; 'ephemeral-storage': number; pods: number; others: Map<string, number> }

const named = ['memory', 'ephemeral-storage', 'pods'] as const

export function noResources(): MutableResources {
  return { cpu: 0, memory: 0, 'ephemeral-storage': 0, pods: 0, others: new Map() }
}

/** Quantities as numbers: CPU in thousandths of a core. */
export function resourcesOf(quantities: Quantities = {}): Resources {
  const sum = noResources()
  for (const [name, quantity] of Object.entries(quantities)) {
    if (name === 'cpu') sum.cpu = milliValue(quantity)
    else if (isNamed(name)) sum[name] = quantityValue(quantity)
    else sum.others.set(name, quantityValue(quantity))
  }
  return sum
}

export function isNamed(name: string): name is (typeof named)[number] {
  return (named as readonly string[]).includes(name)
}

export function amountOf(resources: Resources, name: string): number {
  if (name === 'cpu' || isNamed(name)) return resources[name]
  return resources.others.get(name) ?? 0
}

export function add(to: MutableResources, more: Resources, sign: 1 | -1 = 1): void {
  to.cpu += sign * more.cpu
  for (const name of named) to[name] += sign * more[name]
  for (const [name, amount] of more.others) {
    const left = (to.others.get(name) ?? 0) + sign * amount
    if (left === 0) to.others.delete(name)
    else to.others.set(name, left)
  }
}

function raise(to: MutableResources, atLeast: Resources): void {
  to.cpu = Math.max(to.cpu, atLeast.cpu)
  for (const name of named) to[name] = Math.max(to[name], atLeast[name])
  for (const [name, amount] of atLeast.others) to.others.set(name, Math.max(to.others.get(name) ?? 0, amount))
}

/** What scoring assumes for containers that ask for nothing (upstream `DefaultMilliCPURequest`, `DefaultMemoryRequest`). */
const assumed = { cpu: 100, memory: 200 * 1024 * 1024 }

/**
 * What a pod asks for (upstream `resourcehelper.PodRequests`): the sum of its containers and sidecars, or the most that an init container
 * needs beside the sidecars started before it, whichever is more; pod-level requests replace that; overhead on top.
 */
export function podRequests(pod: Pod, { nonZero = false } = {}): Resources {
  const { spec } = pod
  const of = (container: Container) => containerRequests(container, nonZero)
  const sum = noResources()
  const sidecars = noResources()
  const peak = noResources()
  for (const container of spec.initContainers ?? []) {
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
  for (const container of spec.containers) add(sum, of(container))
  add(sum, sidecars)
  raise(sum, peak)
  replaceByPodLevel(sum, spec.resources?.requests)
  add(sum, resourcesOf(spec.overhead))
  sum.pods = 1
  return sum
}

function replaceByPodLevel(sum: MutableResources, requests: Quantities | undefined): void {
  if (!requests) return
  const level = resourcesOf(requests)
  if ('cpu' in requests) sum.cpu = level.cpu
  if ('memory' in requests) sum.memory = level.memory
  for (const [name, amount] of level.others) sum.others.set(name, amount)
}

function containerRequests({ resources }: Container, nonZero: boolean): Resources {
  const requests = resources?.requests ?? {}
  const amounts = resourcesOf(requests) as MutableResources
  if (nonZero && !('cpu' in requests)) amounts.cpu = assumed.cpu
  if (nonZero && !('memory' in requests)) amounts.memory = assumed.memory
  return amounts
}
