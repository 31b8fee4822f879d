/** YAML as Kubernetes reads and writes it: manifests of several documents, JSON among them, and `-o yaml`. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  Scalar,
} from 'yaml'
import { JsonError, parseJson } from './json.ts'
import { setOwn } from './json-parser.ts'
import { jsonEnd } from './json-scan.ts'
import { keyText, resolvePlain, resolveTagged } from './yaml-scalar.ts'

export { toYaml } from './yaml-print.ts'

/** Text that is no YAML, with the place of the fault. */
export class YamlError extends Error {
  readonly file: string | undefined
  /** Counted from 1. */
  readonly line: number
  readonly column: number

  constructor(problem: string, place: { file: string | undefined; line: number; column: number }) {
    const { file, line, column } = place
    super(file ? `${file}:${line}:${column}: ${problem}` : `yaml: line ${line}, column ${column}: ${problem}`)
    this.name = 'YamlError'
    this.file = file
    this.line = line
    this.column = column
  }
}

export interface YamlDocument {
  readonly value: unknown
  /** Where its content begins, counted from 1. */
  readonly line: number
  /** Strict decoding's complaints about keys that stand twice; the last value won. */
  readonly duplicates: string[]
}

export interface YamlOptions {
  /** Name for error messages. */
  readonly file?: string
}

/**
 * Reads all documents that are not empty, by the rules of Go's yaml.v2: YAML 1.1 whose times and sexagesimal numbers
 * stay text, with `0o` octals. Integers are exact to 64 bits. Throws YamlError.
 */
export function parseYaml(text: string, { file }: YamlOptions = {}): YamlDocument[] {
  const start = text.search(/\S/)
  if (start === -1) return []
  return (text[start] === '{' && readJson(text, start)) || readYaml(text, file)
}

/** JSON documents one after the other; undefined when the text is something else, such as a flow mapping. */
function readJson(text: string, start: number): YamlDocument[] | undefined {
  const documents: YamlDocument[] = []
  let line = 1
  let from = 0
  for (let at = start; at !== -1; ) {
    line += countLines(text, from, at)
    from = at
    const found = jsonAt(text, at)
    if (!found) return undefined
    documents.push({ value: found.value, line, duplicates: found.duplicates })
    at = nextContent(text, found.end)
  }
  return documents
}

/** The JSON value that begins at `at`, and where it ends; undefined where there is none. */
function jsonAt(text: string, at: number): { value: unknown; duplicates: string[]; end: number } | undefined {
  const end = jsonEnd(text, at)
  if (end === undefined) return undefined
  try {
    const { value, duplicates } = parseJson(text.slice(at, end))
    return { value, duplicates, end }
  } catch (error) {
    if (error instanceof JsonError) return undefined
    throw error
  }
}

function nextContent(text: string, from: number): number {
  const content = /\S/g
  content.lastIndex = from
  return content.exec(text)?.index ?? -1
}

function countLines(text: string, from: number, to: number): number {
  return text.slice(from, to).split('\n').length - 1
}

function readYaml(text: string, file: string | undefined): YamlDocument[] {
  const lineCounter = new LineCounter()
  const fail = (problem: string, offset: number) => {
    const { line, col } = lineCounter.linePos(offset)
    return new YamlError(problem, { file, line: Math.max(1, line), column: Math.max(1, col) })
  }
  return guardStack(fail, () => {
    // `failsafe` leaves every scalar as text: what it means is decided in yaml-scalar.ts.
    const options = { lineCounter, schema: 'failsafe', version: '1.1', uniqueKeys: false, prettyErrors: false } as const
    const documents = parseAllDocuments(text, { ...options, resolveKnownTags: false, logLevel: 'silent' })
    return [...documents].flatMap((document) => {
      const [error] = document.errors
      if (error) throw fail(error.message, error.pos[0])
      const { contents } = document as Document.Parsed
      if (!contents) return []
      const duplicates: string[] = []
      const value = new Converter({ fail, lineCounter, duplicates }).convert(contents)
      if (value === null) return []
      return [{ value, line: lineCounter.linePos(contents.range[0]).line, duplicates }]
    })
  })
}

type Fail = (problem: string, offset: number) => YamlError

/** Nesting that would overflow the stack is an error of the text. */
function guardStack<T>(fail: Fail, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError) throw fail('exceeded max depth', 0)
    throw error
  }
}

interface Context {
  readonly fail: Fail
  readonly lineCounter: LineCounter
  readonly duplicates: string[]
}

/** Turns a document's nodes into JSON values, with go-yaml's bound on aliases. */
class Converter {
  readonly #context: Context
  readonly #anchors = new Map<string, Node>()
  /** Anchored nodes whose values are being made: an alias to one of them is a cycle. */
  readonly #open = new Set<Node>()
  #nodes = 0
  #aliased = 0
  #aliasDepth = 0

  constructor(context: Context) {
    this.#context = context
  }

  convert(node: Node | null | undefined): unknown {
    if (!node) return null
    this.#count(node)
    if (isAlias(node)) return this.#alias(node.source, node)
    if (node.anchor) this.#anchors.set(node.anchor, node)
    if (isScalar(node)) return this.#scalar(node)
    this.#open.add(node)
    const value = isSeq(node) ? node.items.map((item) => this.convert(item as Node)) : this.#mapping(node)
    this.#open.delete(node)
    return value
  }

  #alias(name: string, node: Node): unknown {
    const target = this.#anchors.get(name)
    if (!target) throw this.#fail(`unknown anchor '${name}' referenced`, node)
    if (this.#open.has(target)) throw this.#fail(`anchor '${name}' value contains itself`, node)
    this.#aliasDepth++
    const value = this.convert(target)
    this.#aliasDepth--
    return value
  }

  #scalar(node: Scalar): unknown {
    const text = String(node.value ?? '')
    try {
      if (node.tag && node.tag !== '!') return resolveTagged(text, node.tag)
      return node.type === Scalar.PLAIN || node.type === undefined ? resolvePlain(text) : text
    } catch (error) {
      throw this.#fail((error as Error).message, node)
    }
  }

  #mapping(node: Node): Record<string, unknown> {
    const out: Record<string, unknown> = {}
    if (!isMap(node)) return out
    const seen = new Set<string>()
    for (const pair of node.items) {
      const { key, value } = pair as Pair<Node, Node | null>
      if (isMergeKey(key)) this.#merge(out, value)
      else {
        const name = this.#key(key)
        if (seen.has(name)) this.#reportDuplicate(name, key)
        seen.add(name)
        setOwn(out, name, this.convert(value))
      }
    }
    return out
  }

  #key(key: Node): string {
    const value = this.convert(key)
    const name = isScalar(key) || isAlias(key) ? keyText(value) : undefined
    if (name === undefined) throw this.#fail('unsupported map key: keys must be strings, numbers or booleans', key)
    return name
  }

  #reportDuplicate(name: string, key: Node): void {
    const { line } = this.#context.lineCounter.linePos(key.range?.[0] ?? 0)
    this.#context.duplicates.push(`line ${line}: key ${JSON.stringify(name)} already set in map`)
  }

  /** Like go-yaml: keys are set in the order of the text, and of a list of mappings the first wins. */
  #merge(out: Record<string, unknown>, value: Node | null): void {
    const sources = isSeq(value) ? (value.items as Node[]).toReversed() : [value as Node]
    for (const source of sources) {
      const merged = this.convert(source)
      if (typeof merged !== 'object' || merged === null || Array.isArray(merged)) {
        throw this.#fail('map merge requires map or sequence of maps as the value', source)
      }
      for (const [name, held] of Object.entries(merged)) setOwn(out, name, held)
    }
  }

  /** Documents may be mostly aliases while they are small; the larger, the less. */
  #count(node: Node): void {
    this.#nodes++
    if (this.#aliasDepth > 0) this.#aliased++
    if (this.#aliased > 100 && this.#nodes > 1000 && this.#aliased / this.#nodes > allowedAliases(this.#nodes)) {
      throw this.#fail('document contains excessive aliasing', node)
    }
  }

  #fail(problem: string, node: Node | null): YamlError {
    return this.#context.fail(problem, node?.range?.[0] ?? 0)
  }
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.value === '<<' && key.type === Scalar.PLAIN && !key.tag
}

/** go-yaml's bound: 99 % up to 400,000 nodes, falling to 10 % at 4,000,000. */
function allowedAliases(nodes: number): number {
  if (nodes <= 400_000) return 0.99
  if (nodes >= 4_000_000) return 0.1
  return 0.99 - 0.89 * ((nodes - 400_000) / 3_600_000)
}
