/** Evaluates JSONPath templates on decoded objects and prints what they find, as client-go's `util/jsonpath`. */
import { goJson } from './go-json.ts'
import { goValue } from './go-value.ts'
import { JsonPathError, type Node, parseJsonPath } from './jsonpath-parser.ts'

export class JsonPath {
  readonly #root: readonly Node[]
  readonly #allowMissing: boolean

  constructor(template: string, { allowMissing = true }: { allowMissing?: boolean } = {}) {
    this.#root = parseJsonPath(template)
    this.#allowMissing = allowMissing
  }

  /** One list of values for each part of the template. */
  find(object: unknown): unknown[][] {
    return this.#run(this.#root, object)
  }

  print(object: unknown, { asJson = false }: { asJson?: boolean } = {}): string {
    const results = this.find(object)
    if (asJson) return `${goJson(results.flat())}\n`
    return results.map((values) => values.map(printed).join(' ')).join('')
  }

  #run(nodes: readonly Node[], object: unknown): unknown[][] {
    const results: unknown[][] = []
    for (let at = 0; at < nodes.length; at++) {
      const node = nodes[at] as Node
      const word = keyword(node)
      if (word === 'end') throw new JsonPathError('not in range, nothing to end')
      if (word !== 'range') {
        results.push(this.#evaluate([object], node))
        continue
      }
      const end = endOf(nodes, at)
      const over = { type: 'list', nodes: (node as { nodes: Node[] }).nodes.slice(1) } as const
      for (const value of this.#evaluate([object], over)) results.push(...this.#run(nodes.slice(at + 1, end), value))
      at = end
    }
    return results
  }

  #evaluate(values: readonly unknown[], node: Node): unknown[] {
    switch (node.type) {
      case 'text':
        return [node.text]
      case 'literal':
        return [node.value]
      case 'list':
        return node.nodes.reduce<unknown[]>((found, inner) => this.#evaluate(found, inner), [...values])
      case 'field':
        return values.flatMap((value) => this.#field(value, node.name))
      case 'wildcard':
        return values.flatMap(childrenOf)
      case 'recursive':
        return values.flatMap(descendants)
      case 'array':
        return values.flatMap((value) => slice(value, node))
      case 'union':
        return node.nodes.flatMap((inner) => this.#evaluate(values, inner))
      case 'filter':
        return values.flatMap((value) => this.#filter(value, node))
      case 'identifier':
        throw new JsonPathError(`unrecognized identifier ${node.name}`)
    }
  }

  #field(value: unknown, name: string): unknown[] {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      if (value === null || value === undefined || this.#allowMissing) return []
      throw new JsonPathError(`${name} is not found`)
    }
    if (name === '') return [value]
    if (Object.hasOwn(value, name)) return [(value as Record<string, unknown>)[name]]
    if (this.#allowMissing) return []
    throw new JsonPathError(`${name} is not found`)
  }

  #filter(value: unknown, { left, right, operator }: Extract<Node, { type: 'filter' }>): unknown[] {
    if (!Array.isArray(value)) {
      if (value === null || value === undefined) return []
      throw new JsonPathError(`${goValue(value)} is not array or slice and cannot be filtered`)
    }
    return value.filter((one) => {
      const lefts = this.#evaluate([one], left)
      if (operator === 'exists') return lefts.length > 0
      if (lefts.length === 0) return false
      if (lefts.length > 1) throw new JsonPathError('can only compare one element at a time')
      const rights = this.#evaluate([one], right)
      if (rights.length === 0) return false
      if (rights.length > 1) throw new JsonPathError('can only compare one element at a time')
      return compare(lefts[0], rights[0], operator)
    })
  }
}

function keyword(node: Node): string | undefined {
  const first = node.type === 'list' ? node.nodes[0] : undefined
  return first?.type === 'identifier' && (first.name === 'range' || first.name === 'end') ? first.name : undefined
}

function endOf(nodes: readonly Node[], range: number): number {
  for (let at = range + 1, depth = 0; at < nodes.length; at++) {
    const word = keyword(nodes[at] as Node)
    if (word === 'range') depth++
    if (word === 'end' && depth-- === 0) return at
  }
  throw new JsonPathError('unterminated range')
}

function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  if (typeof value !== 'object' || value === null) return []
  return Object.keys(value)
    .sort()
    .map((key) => (value as Record<string, unknown>)[key])
}

function descendants(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  return [value, ...childrenOf(value).flatMap(descendants)]
}

function slice(value: unknown, { bounds, single }: Extract<Node, { type: 'array' }>): unknown[] {
  if (value === null || value === undefined) return []
  if (!Array.isArray(value)) throw new JsonPathError(`${goValue(value)} is not array or slice`)
  const [first, last, step = 1] = bounds
  const length = value.length
  let from = first ?? 0
  let to = single ? from + 1 : (last ?? length)
  if (from < 0) from += length
  if (single) to = from + 1
  else if (to < 0) to += length
  if (single && (from >= length || from < 0)) {
    throw new JsonPathError(`array index out of bounds: index ${first}, length ${length}`)
  }
  if (from > length || from < 0) throw new JsonPathError(`array index out of bounds: index ${from}, length ${length}`)
  if (to > length || to < 0) throw new JsonPathError(`array index out of bounds: index ${to - 1}, length ${length}`)
  if (from > to) throw new JsonPathError(`starting index ${from} is greater than ending index ${to}`)
  if (step <= 0) throw new JsonPathError('step must be > 0')
  return value.slice(from, to).filter((_, at) => at % step === 0)
}

function compare(left: any, right: any, operator: string): boolean {
  if (operator === '==' || operator === '!=') {
    if (typeof left !== typeof right) throw new JsonPathError('incompatible types for comparison')
    return (left === right) === (operator === '==')
  }
  if (typeof left !== typeof right) throw new JsonPathError('incompatible types for comparison')
  switch (operator) {
    case '<':
      return left < right
    case '>':
      return left > right
    case '<=':
      return left <= right
    case '>=':
      return left >= right
    default:
      throw new JsonPathError(`unrecognized filter operator ${operator}`)
  }
}

function printed(value: unknown): string {
  return typeof value === 'object' && value !== null ? goJson(value, { indent: '' }) : goValue(value)
}

/** `metadata.name`, `.metadata.name`, `{metadata.name}` and `{.metadata.name}` are the same to sorting and columns. */
export function relaxedPath(text: string): string {
  if (text === '') return text
  const match = /^\{\.?([^{}]+)\}$|^\.?([^{}]+)$/.exec(text)
  if (!match) {
    throw new Error("unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'")
  }
  return `{.${match[1] ?? match[2]}}`
}
