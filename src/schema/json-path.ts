/**
 * Simple JSONPath, as columns and selectable fields of custom resources use it: fields, quoted fields, positions, `*`, filters such as
 * `[?(@.type=="Ready")]`. What is missing gives nothing. kubectl's templates are richer; they stand with kubectl.
 */
import { isRecord } from './json-schema.ts'

type Step = (values: readonly unknown[]) => unknown[]

/** Finds the values at a path; throws SyntaxError where it is none. */
export function jsonPath(path: string): (object: unknown) => unknown[] {
  const steps = stepsOf(path)
  return (object) => steps.reduce<unknown[]>((values, step) => step(values), [object])
}

const word = /\.(?:\.)?([^.[\]'"*\s]*)|\.\*|\[\s*(?:'([^']*)'|"([^"]*)"|(-?\d+)|(\*)|\?\(([^)]*)\)|(-?\d*):(-?\d*))\s*\]/y

function stepsOf(path: string): Step[] {
  const steps: Step[] = []
  word.lastIndex = 0
  let at = 0
  while (at < path.length) {
    word.lastIndex = at
    const match = word.exec(path)
    if (!match) throw new SyntaxError(`unrecognized path ${JSON.stringify(path)}`)
    at = word.lastIndex
    steps.push(stepOf(match))
  }
  return steps
}

function stepOf([text, name, single, double, index, star, filter, from, to]: RegExpExecArray): Step {
  const key = name || single || double
  if (text.startsWith('..') && key)
    return (values) => values.flatMap((value) => below(value).flatMap((one) => memberOf(one, key)))
  if (key) return (values) => values.flatMap((value) => memberOf(value, key.replaceAll('\\', '')))
  if (index !== undefined) return (values) => values.flatMap((value) => itemOf(value, Number(index)))
  if (star || text === '.*')
    return (values) => values.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []))
  if (filter !== undefined) return filterStep(filter)
  if (from !== undefined && text.startsWith('[')) {
    return (values) =>
      values.flatMap((value) => (Array.isArray(value) ? value.slice(from ? Number(from) : 0, to ? Number(to) : undefined) : []))
  }
  return (values) => [...values]
}

function memberOf(value: unknown, key: string): unknown[] {
  return isRecord(value) && Object.hasOwn(value, key) ? [value[key]] : []
}

function itemOf(value: unknown, index: number): unknown[] {
  const item = Array.isArray(value) ? value.at(index) : undefined
  return item === undefined ? [] : [item]
}

function below(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return []
  return [value, ...Object.values(value).flatMap(below)]
}

function filterStep(expression: string): Step {
  const [, left = '', operator, right = ''] = /^\s*@([^=!<>\s]*)\s*(==|!=|<=|>=|<|>)?\s*(.*?)\s*$/.exec(expression) ?? []
  const find = jsonPath(left)
  const wanted = literal(right)
  const holds = (item: unknown) => {
    const found = find(item)
    if (!operator) return found.length > 0
    return found.some((value) => compare(value, operator, wanted))
  }
  return (values) => values.flatMap((value) => (Array.isArray(value) ? value.filter(holds) : []))
}

function literal(text: string): unknown {
  const [, quoted] = /^["'](.*)["']$/.exec(text) ?? []
  if (quoted !== undefined) return quoted
  if (text === 'true' || text === 'false') return text === 'true'
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

function compare(value: unknown, operator: string, wanted: unknown): boolean {
  if (operator === '==') return value === wanted
  if (operator === '!=') return value !== wanted
  if (typeof value !== typeof wanted) return false
  const [a, b] = [value as number, wanted as number]
  if (operator === '<') return a < b
  if (operator === '>') return a > b
  return operator === '<=' ? a <= b : a >= b
}
