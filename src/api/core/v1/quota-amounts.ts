/** Arithmetic on lists of amounts, as quotas need it (upstream `apiserver/pkg/quota/v1/resources.go`). */
import { addQuantity, compareQuantity, formatQuantity, subtractQuantity } from '#schema/quantity.ts'

export type Amounts = Readonly<Record<string, string>>

export function addAmounts(a: Amounts = {}, b: Amounts = {}): Record<string, string> {
  const sum: Record<string, string> = { ...a }
  for (const [name, value] of Object.entries(b)) {
    const present = sum[name]
    sum[name] = present === undefined ? value : formatQuantity(addQuantity(present, value))
  }
  return sum
}

/** What `a` has beyond `b`; never below zero. */
export function subtractAmounts(a: Amounts, b: Amounts): Record<string, string> {
  const rest: Record<string, string> = {}
  for (const [name, value] of Object.entries(a)) {
    const less = b[name]
    const difference = less === undefined ? value : formatQuantity(subtractQuantity(value, less))
    rest[name] = compareQuantity(difference, '0') < 0 ? '0' : difference
  }
  for (const name of Object.keys(b)) rest[name] ??= '0'
  return rest
}

export function withoutZeros(amounts: Amounts): Record<string, string> {
  return pick(amounts, (_, value) => compareQuantity(value, '0') !== 0)
}

/** Those of the names. */
export function maskAmounts(amounts: Amounts = {}, names: readonly string[]): Record<string, string> {
  return pick(amounts, (name) => names.includes(name))
}

export function sameAmounts(a: Amounts = {}, b: Amounts = {}): boolean {
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => b[name] !== undefined && compareQuantity(a[name]!, b[name]!) === 0)
  )
}

/** The names of which there is more than the bound says. */
export function exceeded(amounts: Amounts, bounds: Amounts = {}): string[] {
  return Object.entries(amounts).flatMap(([name, value]) => {
    const bound = bounds[name]
    return bound !== undefined && compareQuantity(value, bound) > 0 ? [name] : []
  })
}

export function negatives(amounts: Amounts): string[] {
  return Object.entries(amounts).flatMap(([name, value]) => (compareQuantity(value, '0') < 0 ? [name] : []))
}

function pick(amounts: Amounts, keeps: (name: string, value: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).filter(([name, value]) => keeps(name, value)))
}
