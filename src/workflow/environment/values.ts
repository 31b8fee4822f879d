/**
 * An environment's values: plain ones in a ConfigMap, secret ones in a Secret. What people type, read and write; nothing here talks to the
 * cluster.
 */
import { WorkflowError } from '../workflow-error.ts'

export interface Values {
  readonly plain: Readonly<Record<string, string>>
  readonly secret: Readonly<Record<string, string>>
}

export const noValues: Values = { plain: {}, secret: {} }

/** `KEY=VALUE` words; throws for what is none, and for keys that no container could have. */
export function parsePairs(words: readonly string[]): Readonly<Record<string, string>> {
  const pairs = words.map((word) => {
    const at = word.indexOf('=')
    if (at < 1) throw new WorkflowError(`${JSON.stringify(word)} is not KEY=VALUE.`, { exitCode: 2 })
    return [checkKey(word.slice(0, at)), word.slice(at + 1)]
  })
  return Object.fromEntries(pairs)
}

/** A ConfigMap's keys, which Kubernetes also takes as names of variables. */
export function checkKey(key: string): string {
  if (/^[-._a-zA-Z0-9]{1,253}$/.test(key) && key !== '.' && !key.startsWith('..')) return key
  throw new WorkflowError(`${JSON.stringify(key)} cannot be the name of a variable: letters, digits, "_", "-" and "." can.`, {
    exitCode: 2,
  })
}

/** A key is plain or secret, never both: the later class wins. */
export function withValues(values: Values, change: Partial<Values>): Values {
  const { plain = {}, secret = {} } = change
  return {
    plain: { ...without(values.plain, Object.keys(secret)), ...plain },
    secret: { ...without(values.secret, Object.keys(plain)), ...secret },
  }
}

/** Throws where one of them is not set. */
export function withoutValues(values: Values, keys: readonly string[]): Values {
  const missing = keys.filter((key) => !Object.hasOwn(values.plain, key) && !Object.hasOwn(values.secret, key))
  if (missing.length > 0) {
    throw new WorkflowError(`${missing.join(', ')} ${missing.length > 1 ? 'are' : 'is'} not set, so cannot be unset.`)
  }
  return { plain: without(values.plain, keys), secret: without(values.secret, keys) }
}

/** `K=V` lines, sorted. Secrets stand as `K=(secret)` unless they are to be revealed. */
export function printValues(values: Values, options: { keys: readonly string[]; isRevealed: boolean }): string[] {
  const { keys, isRevealed } = options
  const all = { ...values.plain, ...(isRevealed ? values.secret : masked(values.secret)) }
  const missing = keys.find((key) => !Object.hasOwn(all, key))
  if (missing !== undefined) throw new WorkflowError(`${missing} is not set.`)
  return Object.keys(all)
    .filter((key) => keys.length === 0 || keys.includes(key))
    .sort()
    .map((key) => `${key}=${all[key]}`)
}

function masked(secret: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(secret).map((key) => [key, '(secret)']))
}

export interface ValueChange {
  readonly key: string
  readonly isSecret: boolean
  readonly before: string | undefined
  readonly after: string | undefined
}

/** What differs, by key. */
export function diffValues(before: Values, after: Values): ValueChange[] {
  const changes = (['plain', 'secret'] as const).flatMap((kind) =>
    [...new Set([...Object.keys(before[kind]), ...Object.keys(after[kind])])]
      .filter((key) => before[kind][key] !== after[kind][key])
      .map((key) => ({ key, isSecret: kind === 'secret', before: before[kind][key], after: after[kind][key] })),
  )
  return changes.sort((a, b) => (a.key < b.key ? -1 : 1))
}

/** A line of a diff; secrets say that they changed, never to what. */
export function changeLines({ key, isSecret, before, after }: ValueChange): string[] {
  const shown = (value: string) => (isSecret ? '(secret)' : value)
  return [
    ...(before === undefined ? [] : [`- ${key}=${shown(before)}`]),
    ...(after === undefined ? [] : [`+ ${key}=${shown(after)}`]),
  ]
}

function without(record: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)))
}
