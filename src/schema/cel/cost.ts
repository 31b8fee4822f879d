/**
 * What a call costs while it runs (cel-go `interpreter/runtimecost.go`, Kubernetes `pkg/cel/library/cost.go`). It is charged
 * before the call, so that nothing dear is begun that cannot be paid; what a call costs by its answer its own function charges.
 */
import { CelList, CelMap, CelOpaque, sizeOf } from './value.ts'

export const identCost = 1
export const listCost = 10
export const mapCost = 30
export const structCost = 40
export const traversal = 0.1
export const regexFactor = 0.25
/** Allows two authorization checks per expression. */
export const checkCost = 350_000

/** What a call costs, by its arguments. */
export type Cost = (args: readonly unknown[]) => number

const one: Cost = () => 1
const scan: Cost = ([text]) => Math.ceil(sizeOf(text) * traversal)
const scanTwice: Cost = ([text]) => Math.ceil(sizeOf(text) * 2 * traversal)
const both: Cost = ([a, b]) => Math.ceil((sizeOf(a) + sizeOf(b)) * traversal)
const shorter: Cost = ([a, b]) => Math.ceil(Math.min(sizeOf(a), sizeOf(b)) * traversal)
const traverse: Cost = ([value]) => traversalCost(value)

/** One is added to the text, since an empty one still meets a regular expression. */
const match: Cost = ([text, pattern]) => {
  return Math.ceil((1 + sizeOf(text)) * traversal) * Math.ceil(sizeOf(pattern) * regexFactor)
}

const product: Cost = ([text, part]) => Math.ceil(sizeOf(text) * traversal) * Math.ceil(sizeOf(part) * traversal)

const selector: Cost = ([, text]) => {
  const size = sizeOf(text)
  return listCost + Math.ceil(size * traversal) + Math.ceil(Math.ceil(size * 0.5) * (listCost + structCost))
}

/** Every element is compared with every other. */
function selfCompare(list: unknown): number {
  const size = sizeOf(list)
  const first = list instanceof CelList && size > 0 ? list.at(0) : undefined
  const factor = typeof first === 'string' || first instanceof Uint8Array ? 2 + traversal : 2
  return Math.floor(size * size * factor) + 1 + listCost
}

const setsProduct: Cost = ([a, b]) => sizeOf(a) * sizeOf(b) + 1

const contains: Cost = ([cidr]) => Math.ceil(2 * sizeOf(cidr) * traversal)

const byOverload: Readonly<Record<string, Cost>> = {
  starts_with_string: ([, prefix]) => Math.ceil(sizeOf(prefix) * traversal),
  ends_with_string: ([, suffix]) => Math.ceil(sizeOf(suffix) * traversal),
  string_to_bytes: scan,
  bytes_to_string: scan,
  strings_quote: scan,
  string_format: ([text, args]) => Math.ceil(sizeOf(text) * traversal) + traversalCost(args),
  in_list: ([, list]) => sizeOf(list),
  add_string: both,
  add_bytes: both,
  matches: match,
  matches_string: match,
  contains_string: product,
  less_string: shorter,
  greater_string: shorter,
  less_equals_string: shorter,
  greater_equals_string: shorter,
  less_bytes: shorter,
  greater_bytes: shorter,
  less_equals_bytes: shorter,
  greater_equals_bytes: shorter,
  list_slice: ([list]) => Math.floor(sizeOf(list)) + 1 + listCost,
  list_flatten: ([list]) => sizeOf(list) + 1 + listCost,
  list_flatten_int: ([list, depth]) => sizeOf(list) * Math.max(0, Number(depth)) + 1 + listCost,
  list_reverse: ([list]) => sizeOf(list) + 1 + listCost,
  lists_range: ([size]) => Math.max(0, Number(size)) + 1 + listCost,
  list_distinct: ([list]) => selfCompare(list),
  list_sort: ([list]) => selfCompare(list),
  list_sortByAssociatedKeys: ([, keys]) => selfCompare(keys),
  list_sets_contains_list: setsProduct,
  list_sets_equivalent_list: ([a, b]) => 2 * sizeOf(a) * sizeOf(b) + 1,
  list_sets_intersects_list: setsProduct,
  cidr_ip: one,
  cidr_contains_ip_string: ([cidr, text]) => contains([cidr]) + Math.ceil(sizeOf(text) * traversal),
  cidr_contains_ip_ip: contains,
  cidr_contains_cidr: ([cidr]) => contains([cidr]) + Math.ceil(sizeOf(cidr) * traversal) + 1,
  cidr_contains_cidr_string: ([cidr, text]) => {
    return contains([cidr]) + Math.ceil(sizeOf(cidr) * traversal) + 1 + Math.ceil(sizeOf(text) * traversal)
  },
}

const byFunction: Readonly<Record<string, Cost>> = {
  check: () => checkCost,
  fieldSelector: selector,
  labelSelector: selector,
  ...named(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'], traverse),
  ...named(['url', 'lowerAscii', 'upperAscii', 'substring', 'trim', 'jsonpatch.escapeKey'], scan),
  ...named(['replace', 'split', 'ip.isCanonical'], scanTwice),
  ...named(['cidr', 'isIP', 'isCIDR', 'ip', 'quantity', 'isQuantity', 'semver', 'isSemver', 'isURL'], scan),
  ...named(['find', 'findAll'], match),
  validate: ([format, text]) => {
    const size = format instanceof CelOpaque ? format.size : 1
    return Math.ceil((1 + sizeOf(text)) * traversal) * Math.ceil(size * regexFactor)
  },
  '_==_': ([a, b]) => (a instanceof CelOpaque ? 1 : shorter([a, b])),
  '_!=_': shorter,
}

function named(names: readonly string[], cost: Cost): Record<string, Cost> {
  return Object.fromEntries(names.map((name) => [name, cost]))
}

/** The cost of calling this overload. */
export function callCost(name: string, overload: string): Cost {
  return byOverload[overload] ?? (Object.hasOwn(byFunction, name) ? (byFunction[name] as Cost) : one)
}

/** What it costs to visit a value with all that it holds; gives up counting where nobody could pay. */
export function traversalCost(value: unknown): number {
  let cost = 0
  const stack: unknown[] = [value]
  while (stack.length > 0 && cost < 2_000_000) {
    const next = stack.pop()
    if (typeof next === 'string') cost += Math.floor(next.length * traversal)
    else if (next instanceof CelList) {
      cost += next.size * traversal
      if (next.size > 10_000_000) return next.size
      for (const element of next) stack.push(element)
    } else if (next instanceof CelMap) {
      for (const [key, held] of next.entries()) stack.push(key, held)
    } else cost += 1
  }
  return cost
}
