/** `--sort-by`: the order of values as kubectl compares them; quantities by their size. */
import { compareQuantity, parseQuantity } from '#schema/quantity.ts'
import { KubectlError } from '../errors.ts'
import type { Json } from '../session.ts'
import { JsonPath, relaxedPath } from './jsonpath.ts'

export function sortRows(table: Json, field: string): void {
  const rows: Json[] = table.rows ?? []
  table.rows = sorted(rows, field, ({ object }) => object)
}

export function sortObjects(objects: Json[], field: string): void {
  objects.splice(0, objects.length, ...sorted(objects, field, (object) => object))
}

function sorted<T>(all: readonly T[], field: string, objectOf: (one: T) => unknown): T[] {
  const path = relaxedPath(field)
  const parsed = new JsonPath(path)
  const keyed = all.map((one) => ({ one, value: parsed.find(objectOf(one))[0] ?? [] }))
  if (all.length > 0 && keyed.every(({ value }) => value.length === 0)) {
    throw new KubectlError(`couldn't find any field with path ${JSON.stringify(path)} in the list of objects`)
  }
  return keyed.sort((a, b) => order(a.value, b.value)).map(({ one }) => one)
}

/** Objects without the field come first. */
function order(a: readonly unknown[], b: readonly unknown[]): number {
  if (a.length === 0 || b.length === 0) return Number(a.length > 0) - Number(b.length > 0)
  return compare(a[0], b[0])
}

function compare(a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null)
  if (typeof a === 'string' && typeof b === 'string') {
    const [left, right] = [quantity(a), quantity(b)]
    if (left && right) return compareQuantity(left, right)
    return a < b ? -1 : a > b ? 1 : 0
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let at = 0; at < Math.min(a.length, b.length); at++) {
      const difference = compare(a[at], b[at])
      if (difference !== 0) return difference
    }
    return 0
  }
  if (typeof a !== typeof b || typeof a === 'object') {
    throw new KubectlError(`unsortable type: ${typeof a === 'object' ? 'map[string]interface {}' : typeof a}`)
  }
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

function quantity(text: string) {
  try {
    return parseQuantity(text)
  } catch {
    return undefined
  }
}
