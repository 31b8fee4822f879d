/** Filters of lists, dicts and everything else that can be gone through. */
import { Fault } from './fault.ts'
import { argument, type Engine, type Filter } from './filter.ts'
import { attribute, calculate } from './operators.ts'
import {
  type Arguments,
  checked,
  compare,
  equal,
  isTrue,
  itemsOf,
  lengthOf,
  numberOf,
  textOf,
  tuple,
  typeName,
  Undefined,
} from './values.ts'

/** `address.city`, `0.name`: members of members. */
export function attributePath(value: unknown, path: unknown): unknown {
  const parts = typeof path === 'number' ? [path] : textOf(path).split('.')
  const place = { template: '', line: 0, column: 0 }
  return parts.reduce<unknown>((held, part) => {
    const found = /^\d+$/.test(String(part)) && Array.isArray(held) ? held[Number(part)] : attribute(held, String(part), place)
    // The statement around it knows where.
    return found instanceof Undefined ? new Undefined(found.message) : (found ?? new Undefined(`there is no element ${part}`))
  }, value)
}

const keyOf = (path: unknown, isCased: unknown): ((item: unknown) => unknown) => {
  const lower = (value: unknown) => (typeof value === 'string' && !isTrue(isCased ?? false) ? value.toLowerCase() : value)
  return (item) => lower(path === undefined || path === null ? item : attributePath(item, path))
}

function sorted(items: readonly unknown[], key: (item: unknown) => unknown, isReversed: unknown): unknown[] {
  const order = isTrue(isReversed ?? false) ? -1 : 1
  return items
    .map((item) => ({ item, key: key(item) }))
    .sort((a, b) => order * compare(a.key, b.key))
    .map(({ item }) => item)
}

/** `select('odd')`, `selectattr('age', 'gt', 30)` and their opposites. */
const chosen =
  (keeps: boolean, hasAttribute: boolean): Filter =>
  (value, { list }, engine) => {
    const [path, test, ...args] = hasAttribute ? list : [undefined, ...list]
    return itemsOf(value).filter((item) => {
      const held = hasAttribute ? attributePath(item, path) : item
      const holds = test === undefined ? isTrue(held instanceof Undefined ? false : held) : engine.test(textOf(test), held, args)
      return holds === keeps
    })
  }

const mapped: Filter = (value, { list, named }: Arguments, engine: Engine) => {
  if (named.has('attribute')) {
    const [path, otherwise] = [named.get('attribute'), named.get('default')]
    return itemsOf(value).map((item) => {
      try {
        const found = attributePath(item, path)
        return found instanceof Undefined && otherwise !== undefined ? otherwise : found
      } catch (error) {
        if (otherwise === undefined) throw error
        return otherwise
      }
    })
  }
  const [name, ...rest] = list
  if (name === undefined) throw new Fault('map requires a filter argument')
  return itemsOf(value).map((item) => engine.filter(textOf(name), item, { list: rest, named }))
}

const extreme =
  (sign: 1 | -1): Filter =>
  (value, args) => {
    const key = keyOf(argument(args, 1, 'attribute'), argument(args, 0, 'case_sensitive'))
    const items = itemsOf(value)
    if (items.length === 0) return new Undefined('No aggregated item, sequence was empty.')
    return items.reduce((best, item) => (sign * compare(key(item), key(best)) > 0 ? item : best))
  }

const end =
  (at: 0 | -1): Filter =>
  (value) => {
    const items = itemsOf(value)
    return items.length > 0 ? items.at(at) : new Undefined(`No ${at === 0 ? 'first' : 'last'} item, sequence was empty.`)
  }

const pairsOf = (value: unknown): unknown[][] => {
  if (!(checked(value) instanceof Map)) throw new Fault(`Can only get item pairs from a mapping, not '${typeName(value)}'`)
  return [...(value as Map<unknown, unknown>)].map((pair) => tuple([...pair]))
}

export const sequenceFilters: Readonly<Record<string, Filter>> = {
  length: (value) => lengthOf(value),
  count: (value) => lengthOf(value),
  first: end(0),
  last: end(-1),
  list: (value) => [...itemsOf(value)],
  reverse: (value) => (typeof value === 'string' ? [...value].reverse().join('') : itemsOf(value).toReversed()),
  join(value, args) {
    const path = argument(args, 1, 'attribute')
    const items = itemsOf(value).map((item) => (path === undefined ? item : attributePath(item, path)))
    return items.map(textOf).join(textOf(argument(args, 0, 'd') ?? ''))
  },
  map: mapped,
  select: chosen(true, false),
  reject: chosen(false, false),
  selectattr: chosen(true, true),
  rejectattr: chosen(false, true),
  max: extreme(1),
  min: extreme(-1),
  sum(value, args) {
    const path = argument(args, 0, 'attribute')
    const items = itemsOf(value).map((item) => (path === undefined || path === null ? item : attributePath(item, path)))
    return items.reduce((total, item) => calculate('+', total, item), argument(args, 1, 'start') ?? 0)
  },
  sort(value, args) {
    const paths = argument(args, 2, 'attribute')
    const isCased = argument(args, 1, 'case_sensitive')
    const keys = typeof paths === 'string' ? paths.split(',').map((path) => keyOf(path, isCased)) : [keyOf(paths, isCased)]
    return sorted(itemsOf(value), (item) => keys.map((key) => key(item)), argument(args, 0, 'reverse'))
  },
  dictsort(value, args) {
    const at = argument(args, 1, 'by') === 'value' ? 1 : 0
    const key = keyOf(undefined, argument(args, 0, 'case_sensitive'))
    return sorted(pairsOf(value), (pair) => key((pair as unknown[])[at]), argument(args, 2, 'reverse'))
  },
  items: (value) => (value instanceof Undefined ? [] : pairsOf(value)),
  unique(value, args) {
    const key = keyOf(argument(args, 1, 'attribute'), argument(args, 0, 'case_sensitive'))
    const seen: unknown[] = []
    return itemsOf(value).filter((item) => {
      const own = key(item)
      return seen.some((one) => equal(one, own)) ? false : seen.push(own) > 0
    })
  },
  groupby(value, args) {
    const [path, otherwise] = [argument(args, 0, 'attribute'), argument(args, 1, 'default')]
    const own = (item: unknown) => {
      const found = attributePath(item, path)
      return found instanceof Undefined && otherwise !== undefined ? otherwise : checked(found)
    }
    const groups: [unknown, unknown[]][] = []
    for (const item of sorted(itemsOf(value), own, false)) {
      const last = groups.at(-1)
      if (last && equal(last[0], own(item))) last[1].push(item)
      else groups.push([own(item), [item]])
    }
    return groups.map(([key, list]) => tuple([key, list], ['grouper', 'list']))
  },
  batch(value, args) {
    const size = numberOf(argument(args, 0, 'linecount')) ?? 1
    const fill = argument(args, 1, 'fill_with')
    const items = itemsOf(value)
    const rows: unknown[][] = []
    for (let at = 0; at < items.length; at += size) rows.push(items.slice(at, at + size))
    const last = rows.at(-1)
    while (last && fill !== undefined && fill !== null && last.length < size) last.push(fill)
    return rows
  },
  slice(value, args) {
    const count = numberOf(argument(args, 0, 'slices')) ?? 1
    const fill = argument(args, 1, 'fill_with')
    const items = itemsOf(value)
    const [size, extra] = [Math.floor(items.length / count), items.length % count]
    let at = 0
    return Array.from({ length: count }, (_, i) => {
      const part = items.slice(at, at + size + (i < extra ? 1 : 0))
      at += part.length
      if (fill !== undefined && fill !== null && i >= extra && extra > 0) part.push(fill)
      return part
    })
  },
}
