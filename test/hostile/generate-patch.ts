/** Patches of all kinds, around an object that may be there. */
import type { Dice } from '#testing/property.ts'
import { hostileKeys, hostileValue } from './hostile-values.ts'

export const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/apply-patch+cbor',
] as const

export function patchFor(dice: Dice, type: string, object: unknown): unknown {
  if (type === 'application/json-patch+json') return operations(dice, object)
  if (typeof object !== 'object' || object === null) return object
  if (type.startsWith('application/apply')) return object
  const part = partOf(dice, object as Record<string, unknown>)
  return type === 'application/strategic-merge-patch+json' ? withDirectives(dice, part) : part
}

/** Some of the object's fields. */
function partOf(dice: Dice, object: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(object).filter(([key]) => key !== 'apiVersion' && key !== 'kind')
  return Object.fromEntries(entries.filter(() => dice.chance(0.6)))
}

function operations(dice: Dice, object: unknown): unknown[] {
  const pointers = pointersOf(object)
  const pointer = () => (dice.chance(0.8) ? dice.pick(pointers) : `${dice.pick(pointers)}/${escaped(dice.pick(hostileKeys))}`)
  return Array.from({ length: 1 + dice.upTo(4) }, () => {
    const op = dice.pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'test', 'add', 'x', null])
    const needsFrom = op === 'move' || op === 'copy'
    const value = dice.chance(0.6) ? dice.pick(['a', 1, 'b', true]) : hostileValue(dice)
    return { op, path: pointer(), ...(needsFrom ? { from: pointer() } : { value }) }
  })
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

function pointersOf(object: unknown, at = '', depth = 0): string[] {
  const found = [at]
  if (typeof object !== 'object' || object === null || depth > 6) return found
  for (const [key, value] of Object.entries(object).slice(0, 20))
    found.push(...pointersOf(value, `${at}/${escaped(key)}`, depth + 1))
  if (Array.isArray(object)) found.push(`${at}/-`, `${at}/99`, `${at}/-1`, `${at}/01`)
  return found
}

/** Puts strategic directives somewhere in. */
function withDirectives(dice: Dice, part: unknown): unknown {
  if (Array.isArray(part)) {
    const items = part.map((item) => withDirectives(dice, item))
    if (dice.chance(0.2)) items.push({ $patch: dice.pick(['delete', 'replace', 'merge', 'x', 1, null]), name: 'c' })
    return items
  }
  if (typeof part !== 'object' || part === null) return dice.chance(0.1) ? null : part
  const made = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, withDirectives(dice, value)]))
  if (!dice.chance(0.15)) return made
  const key = dice.pick(Object.keys(made).length > 0 ? Object.keys(made) : ['containers'])
  const order = dice.pick<unknown>([[{ name: 'c' }], ['a'], [1, null], {}, 'x', [{}], []])
  const directives: readonly (readonly [string, unknown])[] = [
    ['$patch', dice.pick(['delete', 'replace', 'merge', 'x', 1])],
    ['$retainKeys', dice.pick<unknown>([[key], [], ['x'], 'x', [1]])],
    [`$setElementOrder/${key}`, order],
    [`$deleteFromPrimitiveList/${key}`, dice.pick<unknown>([['a'], [1], 'a', [{}]])],
  ]
  const [name, value] = dice.pick(directives)
  return { ...made, [name]: value }
}
