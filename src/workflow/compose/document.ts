/** A Compose file as YAML 1.2 with places: what is wrong or cannot be mapped is told with file and line. */
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { WorkflowError } from '../workflow-error.ts'
import { interpolate, type Variables } from './interpolate.ts'

export interface ComposeDocument {
  readonly file: string
  readonly value: Readonly<Record<string, any>>
  /** Line of the key at this path, or of the nearest above it. */
  lineOf(path: readonly string[]): number
}

export interface DocumentOptions {
  readonly file: string
  readonly variables: Variables
  readonly warn: (line: string) => void
}

export function readDocument(text: string, { file, variables, warn }: DocumentOptions): ComposeDocument {
  const counter = new LineCounter()
  const document = parseDocument(text, { version: '1.2', lineCounter: counter, merge: true })
  const [error] = document.errors
  if (error) {
    const { line, col } = counter.linePos(error.pos[0])
    throw new WorkflowError(`${file}:${line}:${col}: ${error.message.split('\n')[0]?.replace(/ at line .*$/, '')}`)
  }
  const lineOf = (path: readonly string[]): number => {
    let node: Node | null = document.contents
    let line = node?.range ? counter.linePos(node.range[0]).line : 1
    for (const key of path) {
      if (!isMap(node)) break
      const pair: any = node.items.find(({ key: one }) => isScalar(one) && String(one.value) === key)
      if (!pair) break
      line = counter.linePos(pair.key.range[0]).line
      node = pair.value
    }
    return line
  }
  const missing = new Set<string>()
  const value = interpolated(document.toJS() ?? {}, [], (one, path) => {
    try {
      return interpolate(one, variables, (name) => missing.add(name))
    } catch (cause) {
      throw new WorkflowError(`${file}:${lineOf(path)}: ${(cause as Error).message}`, { cause })
    }
  }) as Record<string, any>
  for (const name of missing) warn(`${file}: the variable ${name} is not set and counts as empty`)
  if (typeof value !== 'object' || Array.isArray(value))
    throw new WorkflowError(`${file}:1: a Compose file holds keys and values.`)
  return { file, value, lineOf }
}

/** Values alone: keys are as they stand. */
function interpolated(value: unknown, path: readonly string[], work: (text: string, path: readonly string[]) => string): unknown {
  if (typeof value === 'string') return value.includes('$') ? work(value, path) : value
  if (Array.isArray(value)) return value.map((one) => interpolated(one, path, work))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, interpolated(one, [...path, key], work)]))
}
