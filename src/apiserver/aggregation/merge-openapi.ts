/** Brings Swagger 2.0 documents of several servers together (`kube-openapi/pkg/aggregator`). */
import { isDeepStrictEqual } from 'node:util'
import { isRecord } from '#schema/json-schema.ts'
import type { JsonObject } from '#schema/openapi.ts'

type Parts = Readonly<Record<string, unknown>>

const gvk = 'x-kubernetes-group-version-kind'

/** The document with only these paths, and without the definitions that only others used. Shares what it keeps. */
export function withPaths(document: JsonObject, prefix: string): JsonObject {
  return keepPaths(document, (path) => path.startsWith(prefix))
}

function keepPaths(document: JsonObject, isKept: (path: string) => boolean): JsonObject {
  const before = usedIn(document)
  const paths = Object.fromEntries(Object.entries(partsOf(document, 'paths')).filter(([path]) => isKept(path)))
  const kept = { ...document, paths }
  const used = usedIn(kept)
  const definitions = Object.entries(partsOf(document, 'definitions')).filter(([name]) => used.has(name) || !before.has(name))
  return { ...kept, definitions: Object.fromEntries(definitions) }
}

/**
 * Puts `source` into `target`. Paths that are there stay as they are; definitions and parameters of the same name that say something else
 * get names of their own (`NAME_v2`).
 */
export function mergeInto(target: JsonObject, source: JsonObject): void {
  const paths = ownParts(target, 'paths')
  const fresh = Object.keys(partsOf(source, 'paths')).filter((path) => !Object.hasOwn(paths, path))
  if (fresh.length === 0) return
  let added = keepPaths(source, (path) => !Object.hasOwn(paths, path))
  for (const part of ['definitions', 'parameters'] as const) {
    const isSame = part === 'definitions' ? sameButKinds : isDeepStrictEqual
    added = renamed(added, part, renamesFor(partsOf(target, part), partsOf(added, part), isSame))
  }
  for (const part of ['definitions', 'parameters'] as const) {
    const fresh = Object.entries(partsOf(added, part))
    if (fresh.length === 0) continue
    const own = ownParts(target, part)
    for (const [name, value] of fresh) {
      own[name] = Object.hasOwn(own, name) ? withKindsOf(own[name], value) : value
    }
  }
  Object.assign(paths, partsOf(added, 'paths'))
}

function partsOf(document: JsonObject, part: string): Parts {
  const value = document[part]
  return isRecord(value) ? value : {}
}

/** To be written to. */
function ownParts(document: JsonObject, part: string): Record<string, unknown> {
  if (!isRecord(document[part])) document[part] = {}
  return document[part] as Record<string, unknown>
}

/** Names of the definitions that something refers to, their own references among it. */
function usedIn({ paths, definitions, ...others }: JsonObject): ReadonlySet<string> {
  const used = new Set<string>()
  const all = isRecord(definitions) ? definitions : {}
  const look = (value: unknown): void => {
    for (const reference of referencesIn(value)) {
      const name = reference.startsWith('#/definitions/') ? reference.slice('#/definitions/'.length) : undefined
      if (name === undefined || used.has(name)) continue
      used.add(name)
      look(all[name])
    }
  }
  look([paths, others])
  return used
}

function* referencesIn(value: unknown): Generator<string> {
  if (Array.isArray(value)) for (const item of value) yield* referencesIn(item)
  else if (isRecord(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (key === '$ref' && typeof item === 'string') yield item
      else yield* referencesIn(item)
    }
  }
}

/** By name in the source: the name that it gets, where its own is taken by something else. */
function renamesFor(target: Parts, source: Parts, isSame: (a: unknown, b: unknown) => boolean): ReadonlyMap<string, string> {
  const renames = new Map<string, string>()
  const taken = new Set(Object.keys(target))
  for (const [name, value] of Object.entries(source)) {
    if (!Object.hasOwn(target, name) || isSame(target[name], value)) continue
    let [next, i] = [name, 1]
    const isFree = () => !taken.has(next) && !Object.hasOwn(source, next)
    const isTheSame = () => Object.hasOwn(target, next) && isSame(target[next], value)
    do next = `${name}_v${++i}`
    while (!isFree() && !isTheSame())
    renames.set(name, next)
    taken.add(next)
  }
  return renames
}

function renamed(document: JsonObject, part: string, renames: ReadonlyMap<string, string>): JsonObject {
  if (renames.size === 0) return document
  const prefix = `#/${part}/`
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (!isRecord(value)) return value
    const entries = Object.entries(value).map(([key, item]) => {
      const name = key === '$ref' && typeof item === 'string' && item.startsWith(prefix) && renames.get(item.slice(prefix.length))
      return [key, name ? prefix + name : walk(item)]
    })
    return Object.fromEntries(entries)
  }
  const whole = walk(document) as JsonObject
  const names = Object.entries(partsOf(whole, part)).map(([name, value]) => [renames.get(name) ?? name, value])
  return { ...whole, [part]: Object.fromEntries(names) }
}

/** What several servers have is of the kinds of them all. */
function sameButKinds(a: unknown, b: unknown): boolean {
  const rest = (value: unknown) => (isRecord(value) ? { ...value, [gvk]: undefined } : value)
  return isDeepStrictEqual(rest(a), rest(b))
}

function withKindsOf(own: unknown, other: unknown): unknown {
  if (!isRecord(own) || !isRecord(other) || !Array.isArray(other[gvk])) return own
  const kinds = new Map([...((own[gvk] ?? []) as unknown[]), ...other[gvk]].map((kind) => [keyOf(kind), kind]))
  const sorted = [...kinds].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, kind]) => kind)
  return { ...own, [gvk]: sorted }
}

function keyOf(kind: unknown): string {
  const { group, version, kind: name } = isRecord(kind) ? kind : {}
  return `${group}/${version}.${name}`
}
