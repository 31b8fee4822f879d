/** Which names a template uses that nobody defines, found in its syntax tree before it runs. */
import nunjucks from 'nunjucks'

export interface Missing {
  readonly name: string
  /** Counted from 1. */
  readonly line: number
  readonly column: number
}

interface Node {
  readonly typename: string
  readonly lineno: number
  readonly colno: number
  readonly value?: unknown
  readonly fields: readonly string[]
  readonly [field: string]: unknown
}

/** In the order in which they stand. Names that the template itself binds are added to `bound`, for templates that it includes. */
export function missingNames(source: string, bound: Set<string>): Missing[] {
  const tree = (nunjucks as any).parser.parse(source, [], {}) as Node
  collectBound(tree, bound)
  const found: Missing[] = []
  walk(tree, (node) => {
    if (isGuard(node)) return false
    if (node.typename === 'Symbol' && !bound.has(String(node.value)) && !builtIn.has(String(node.value))) {
      found.push({ name: String(node.value), line: node.lineno + 1, column: node.colno + 1 })
    }
    return true
  })
  return found
}

const builtIn = new Set(['range', 'cycler', 'joiner', 'caller', 'super', 'self', 'varargs', 'kwargs', 'namespace', 'dict'])

/** `x | default(..)` and `x is defined` are there for names that may be missing. */
function isGuard(node: Node): boolean {
  const name = (node.name as Node | undefined)?.value
  if (node.typename === 'Filter') return name === 'default' || name === 'd'
  if (node.typename !== 'Is') return false
  const right = node.right as Node
  return right.value === 'defined' || right.value === 'undefined'
}

/** Names of filters, keyword arguments and members are no variables. */
const unvisited: Readonly<Record<string, readonly string[]>> = {
  Filter: ['name'],
  Pair: ['key'],
  Is: ['right'],
  Block: ['name'],
  Macro: ['name', 'args'],
  Set: ['targets'],
  For: ['name'],
  FromImport: ['names'],
  Import: ['target'],
}

function walk(node: unknown, visit: (node: Node) => boolean): void {
  if (Array.isArray(node)) for (const one of node) walk(one, visit)
  if (typeof node !== 'object' || node === null || !('typename' in node)) return
  const here = node as Node
  if (!visit(here)) return
  const children = Array.isArray(here.children) ? ['children', ...here.fields] : here.fields
  for (const field of new Set(children)) {
    if (!unvisited[here.typename]?.includes(field)) walk(here[field], visit)
  }
}

function collectBound(tree: Node, bound: Set<string>): void {
  const add = (node: unknown) =>
    walk(node, (one) => {
      if (one.typename === 'Symbol') bound.add(String(one.value))
      return true
    })
  walk(tree, (node) => {
    if (node.typename === 'Set') add(node.targets)
    if (node.typename === 'For') add(node.name)
    if (node.typename === 'Import') add(node.target)
    if (node.typename === 'FromImport') add(node.names)
    if (node.typename === 'Macro') {
      add(node.name)
      for (const argument of ((node.args as Node | undefined)?.children as Node[]) ?? []) {
        if (argument.typename === 'KeywordArgs') for (const pair of argument.children as Node[]) add(pair.key)
        else add(argument)
      }
    }
    return true
  })
}
