/** What a call can cost, and how large its answer can be (cel-go `checker/cost.go`, Kubernetes `pkg/cel/library/cost.go`). */
import type { Call, Expr } from './ast.ts'
import { checkCost, listCost, regexFactor, structCost, traversal } from './cost.ts'
import { type Estimator, sizeOfType } from './estimate.ts'
import { addRange, fixed, largest, type Range, scaled, times, union, unknownRange } from './range.ts'
import type { CelType } from './type.ts'

export interface Operand {
  readonly expr: Expr
  readonly type: CelType | undefined
  readonly size: Range | undefined
  /** Its declaration, where it is reached from a variable. */
  readonly path: CelType | undefined
}

export interface CallSite {
  readonly call: Call
  readonly overload: string
  readonly target: Operand | undefined
  readonly args: readonly Operand[]
  readonly argCosts: readonly Range[]
  readonly estimator: Estimator
}

interface Estimate {
  readonly cost: Range
  readonly size?: Range | undefined
}

/** With the costs of the arguments, without that of the target. */
export function callEstimate(site: CallSite): Estimate {
  const { overload, argCosts } = site
  const arguments_ = argCosts.reduce(addRange, fixed(0))
  const own = listEstimate(site) ?? libraryEstimate(site)
  if (own) return { cost: addRange(own.cost, arguments_), size: own.size }
  const [first = fixed(0), second = fixed(0), third = fixed(0)] = argCosts
  switch (overload) {
    case 'logical_and':
    case 'logical_or':
      return { cost: { min: first.min, max: addRange(first, second).max } }
    case 'conditional':
      return { cost: addRange(first, union(second, third)), size: conditionalSize(site) }
    default: {
      const { cost, size } = standardEstimate(site)
      return { cost: addRange(cost, arguments_), size }
    }
  }
}

function conditionalSize({ call, estimator }: CallSite): Range {
  const [, yes, no] = call.args as [Expr, Expr, Expr]
  joinEntries(call, [yes, no], estimator)
  return union(estimator.sizeOrUnknown(yes), estimator.sizeOrUnknown(no))
}

function joinEntries(call: Call, [a, b]: readonly [Expr, Expr], estimator: Estimator): void {
  const left = estimator.entries(a)
  const right = estimator.entries(b)
  if (!left || !right) return
  estimator.setEntries(call, {
    container: left.container,
    key: union(left.key, right.key),
    value: union(left.value, right.value),
  })
}

function sizeOf(operand: Operand | undefined): Range {
  return operand?.size ?? unknownRange
}

function standardEstimate(site: CallSite): Estimate {
  const { overload, target, args, call, estimator } = site
  const [a, b] = args
  switch (overload) {
    case 'string_format':
      return { cost: scaled(sizeOf(target), traversal) }
    case 'string_to_bytes': {
      const { min, max } = sizeOf(a)
      return { cost: scaled(sizeOf(a), traversal), size: { min, max: max * 4 } }
    }
    case 'bytes_to_string': {
      const { min, max } = sizeOf(a)
      return { cost: scaled(sizeOf(a), traversal), size: { min: Math.floor(min / 4), max } }
    }
    case 'strings_quote': {
      const { min, max } = sizeOf(a)
      return { cost: scaled(sizeOf(a), traversal), size: { min: min + 2, max: max * 2 + 2 } }
    }
    case 'starts_with_string':
    case 'ends_with_string':
      return { cost: scaled(sizeOf(a), traversal) }
    case 'in_list':
      return { cost: sizeOf(b) }
    case 'matches_string':
      return { cost: target ? matchCost(target, a) : fixed(1) }
    case 'contains_string':
      return { cost: times(scaled(sizeOf(target), traversal), scaled(sizeOf(a), traversal)) }
    case 'add_string':
    case 'add_bytes':
    case 'add_list': {
      const size = addRange(sizeOf(a), sizeOf(b))
      joinEntries(call, [a?.expr as Expr, b?.expr as Expr], estimator)
      return { cost: overload === 'add_list' ? fixed(1) : scaled(size, traversal), size }
    }
    default:
      return { cost: isComparison(overload) ? comparisonCost(a, b) : fixed(1) }
  }
}

function isComparison(overload: string): boolean {
  return overload === 'equals' || overload === 'not_equals' || /^(less|greater)(_equals)?_(string|bytes)$/.test(overload)
}

function comparisonCost(a: Operand | undefined, b: Operand | undefined): Range {
  const max = Math.min(sizeOf(a).max, sizeOf(b).max)
  return scaled({ min: max > 0 ? 1 : 0, max }, traversal)
}

/** One is added to the text, since an empty one still meets a regular expression. */
function matchCost(text: Operand | undefined, pattern: Operand | undefined): Range {
  return times(scaled(addRange(sizeOf(text), fixed(1)), traversal), scaled(sizeOf(pattern), regexFactor))
}

const allocates = fixed(1 + listCost)

/** cel-go's `ext/lists.go`. */
function listEstimate({ overload, target, args }: CallSite): Estimate | undefined {
  const [a, b] = args
  const made = (factor: number, size: Range): Estimate => ({ cost: addRange(scaled(size, factor), allocates), size })
  switch (overload) {
    case 'list_slice':
      return made(1, fixed(Math.max(0, literal(b, sizeOf(target).max) - literal(a, 0))))
    case 'lists_range':
      return made(1, fixed(literal(a, largest)))
    case 'list_reverse':
      return made(1, sizeOf(target))
    case 'list_flatten':
      return made(1, sizeOf(target))
    case 'list_flatten_int':
      return made(literal(a, largest), sizeOf(target))
    case 'list_distinct':
      return made(2, times(sizeOf(target), sizeOf(target)))
    case 'list_sort':
      return made(sortFactor(target), times(sizeOf(target), sizeOf(target)))
    case 'list_sortByAssociatedKeys':
      return made(sortFactor(a), times(sizeOf(a), sizeOf(a)))
    default:
      return undefined
  }
}

function sortFactor(list: Operand | undefined): number {
  const kind = list?.type?.params[0]?.kind
  return kind === 'string' || kind === 'bytes' ? 2 + traversal : 2
}

function literal(operand: Operand | undefined, otherwise: number): number {
  const { expr } = operand ?? {}
  return expr?.kind === 'literal' && typeof expr.value === 'bigint' ? Math.max(0, Number(expr.value)) : otherwise
}

const nominal = new Set(
  (
    'serviceAccount path group resource subresource namespace name allowed reason error errored masked prefixLength family ' +
    'isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast format.named sign asInteger isInteger ' +
    'asApproximateFloat isGreaterThan isLessThan compareTo add sub major minor patch getScheme getHostname getHost getPort ' +
    'getEscapedPath getQuery'
  ).split(' '),
)
const scans = new Set(['cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver'])
const traversals = new Set(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'])
const sameSize = new Set(['lowerAscii', 'upperAscii', 'substring', 'trim'])
const longestFormat = 64
const longestFormatPattern = 128

function libraryEstimate(site: CallSite): Estimate | undefined {
  const { call, overload, target, args } = site
  const [a] = args
  const { name } = call
  if (nominal.has(name) || overload === 'cidr_ip') return { cost: fixed(1) }
  if (scans.has(name) || name === 'ip') return { cost: scaled(sizeOf(a), traversal) }
  if (traversals.has(name)) return target && { cost: traversalCost(target) }
  if (sameSize.has(name)) return target && { cost: scaled(sizeOf(target), traversal), size: sizeOf(target) }
  switch (name) {
    case 'check':
      return { cost: fixed(checkCost) }
    case 'fieldSelector':
    case 'labelSelector':
      return { cost: selectorCost(sizeOf(a)) }
    case 'url':
    case 'jsonpatch.escapeKey':
      return { cost: scaled(sizeOf(a), traversal), size: sizeOf(a) }
    case 'ip.isCanonical':
      return { cost: scaled(sizeOf(a), 2 * traversal) }
    case 'replace':
      return { cost: scaled(sizeOf(target), 2 * traversal), size: replacedSize(site) }
    case 'split':
      return { cost: scaled(sizeOf(target), 2 * traversal), size: { min: 0, max: literal(args[1], sizeOf(target).max) } }
    case 'join':
      return joinEstimate(site)
    case 'find':
    case 'findAll':
      return { cost: matchCost(target, a), size: { min: 0, max: sizeOf(target).max } }
    case 'containsIP':
    case 'containsCIDR':
      return { cost: containsCost(name, overload, a) }
    case 'validate':
      return { cost: scaled(scaled(sizeOf(a), traversal), longestFormatPattern * regexFactor) }
    case '_==_':
      return opaqueEquality(args)
    default:
      return undefined
  }
}

function opaqueEquality([a, b]: readonly Operand[]): Estimate | undefined {
  const name = a?.type?.name ?? ''
  if (name !== b?.type?.name || !(name.startsWith('kubernetes.') || name.startsWith('net.'))) return undefined
  if (name === 'kubernetes.NamedFormat') return { cost: scaled({ min: 1, max: longestFormat }, traversal) }
  if (name === 'kubernetes.URL') return { cost: scaled({ min: 1, max: b?.size?.max ?? 1 }, traversal) }
  return { cost: fixed(1) }
}

function selectorCost(size: Range): Range {
  const requirements = scaled(scaled(size, 0.5), listCost + structCost)
  return addRange(addRange(fixed(listCost), scaled(size, traversal)), requirements)
}

/** Lists of text are compared by their elements' texts, too. */
function traversalCost(target: Operand): Range {
  const element = target.type?.params[0]
  if (!element) return scaled(sizeOf(target), traversal)
  const isText = element.kind === 'string' || element.kind === 'bytes'
  const each = isText ? addRange(fixed(1), scaled(elementSize(target), traversal)) : fixed(1)
  return times(sizeOf(target), each)
}

function elementSize({ path }: Operand): Range {
  const declared = path?.params[0]
  return declared ? sizeOfType(declared) : unknownRange
}

function replacedSize({ target, args }: CallSite): Range {
  const size = sizeOf(target)
  const from = sizeOf(args[0])
  const to = sizeOf(args[1])
  const longest = (): [number, number] => {
    if (from.min === 0) return [size.max + 1, size.max]
    return to.max <= from.min ? [0, size.max] : [Math.ceil(size.max / from.min), 0]
  }
  const shortest = (): [number, number] => {
    if (from.max === 0) return [size.min + 1, size.min]
    return from.max <= to.min ? [0, size.min] : [Math.ceil(size.min / from.max), 0]
  }
  const [mostTimes, mostKept] = longest()
  const [fewestTimes, fewestKept] = shortest()
  return addRange(times({ min: fewestTimes, max: mostTimes }, to), { min: fewestKept, max: mostKept })
}

function joinEstimate({ target, args }: CallSite): Estimate | undefined {
  if (!target) return undefined
  const count = sizeOf(target)
  const elements = times(count, elementSize(target))
  const [separator] = args
  const separators = { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) }
  const size = separator ? addRange(elements, times(sizeOf(separator), separators)) : elements
  return { cost: scaled(size, traversal), size }
}

function containsCost(name: string, overload: string, other: Operand | undefined): Range {
  const bytes: Range = { min: 4, max: 16 }
  let cost = scaled(addRange(bytes, bytes), traversal)
  if (name === 'containsCIDR') cost = addRange(addRange(cost, scaled(bytes, traversal)), fixed(1))
  return overload.endsWith('_string') ? addRange(cost, scaled(sizeOf(other), traversal)) : cost
}
