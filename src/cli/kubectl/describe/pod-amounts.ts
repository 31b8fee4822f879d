/** What a pod asks for and may use at most, of each resource (component-helpers `resource.PodRequests`). */
import { addQuantity, compareQuantity, formatQuantity, parseQuantity, type Quantity } from '#schema/quantity.ts'
import type { Json } from '../session.ts'

export type Amounts = Map<string, Quantity>

export function podAmounts({ spec }: Json, kind: 'requests' | 'limits'): Amounts {
  const total: Amounts = new Map()
  for (const { resources } of spec.containers ?? []) add(total, resources?.[kind])
  const initial: Amounts = new Map()
  const sidecars: Amounts = new Map()
  for (const { resources, restartPolicy } of spec.initContainers ?? []) {
    if (restartPolicy === 'Always') {
      add(total, resources?.[kind])
      add(sidecars, resources?.[kind])
      atLeast(initial, sidecars)
      continue
    }
    const one: Amounts = new Map(sidecars)
    add(one, resources?.[kind])
    atLeast(initial, one)
  }
  atLeast(total, initial)
  for (const [name, amount] of Object.entries<string>(spec.resources?.[kind] ?? {})) total.set(name, parseQuantity(amount))
  if (spec.overhead)
    for (const name of Object.keys(spec.overhead))
      if (kind === 'requests' || total.has(name)) add(total, { [name]: spec.overhead[name] })
  return total
}

export function addAmounts(to: Amounts, more: Amounts): void {
  for (const [name, amount] of more) to.set(name, plus(to.get(name), amount))
}

export function amountText(amounts: Amounts, name: string): string {
  const amount = amounts.get(name)
  return amount ? formatQuantity(amount) : '0'
}

function add(to: Amounts, list: Readonly<Record<string, string>> = {}): void {
  for (const [name, amount] of Object.entries(list)) to.set(name, plus(to.get(name), parseQuantity(amount)))
}

function plus(a: Quantity | undefined, b: Quantity): Quantity {
  return a ? addQuantity(a, b) : b
}

function atLeast(to: Amounts, least: Amounts): void {
  for (const [name, amount] of least) {
    const known = to.get(name)
    if (!known || compareQuantity(known, amount) < 0) to.set(name, amount)
  }
}
