/** Bodies: objects by schema or from the corpus, with some of their parts broken. */
import type { Dice } from '#testing/property.ts'
import { type Endpoint, resolve, type Schema, type Schemas } from './endpoints.ts'
import { hostileKeys, hostileValue } from './hostile-values.ts'

/** Names that exist, so that references lead somewhere. */
const names = ['a', 'b', 'c', 'a', 'b', 'x-1', 'hidden']
const strings = [
  ...names,
  'TCP',
  '100m',
  '1Gi',
  '10.0.0.1',
  'true',
  'Always',
  'IfNotPresent',
  '50%',
  'example/c:1',
  '/x',
  'self.a == 1',
]

interface Wanted {
  readonly endpoint: Endpoint
  readonly corpus: ReadonlyMap<string, object>
  readonly name: string
}

export function objectFor(dice: Dice, { endpoint, corpus, name }: Wanted): unknown {
  const known = corpus.get(endpoint.resource)
  const made =
    known && !endpoint.isSubresource && dice.chance(0.6)
      ? structuredClone(known)
      : bySchema(dice, endpoint.schema, { ...endpoint, depth: 0 })
  if (typeof made !== 'object' || made === null) return made
  const object: Record<string, any> = { ...endpoint.kind, ...made }
  if (dice.chance(0.9)) {
    const { namespace: _, resourceVersion: __, uid: ___, managedFields: ____, ...metadata } = object.metadata ?? {}
    object.metadata = { ...metadata, name: endpoint.method === 'POST' && dice.chance(0.5) ? `f-${dice.upTo(500)}` : name }
  }
  return object
}

interface Walk {
  readonly schemas: Schemas
  readonly depth: number
}

/** A value that fits a schema more or less. */
export function bySchema(dice: Dice, given: Schema | undefined, { schemas, depth }: Walk): unknown {
  const schema = resolve(given, schemas)
  const deeper = { schemas, depth: depth + 1 }
  if (schema.enum && dice.chance(0.9)) return dice.pick(schema.enum)
  if (schema.oneOf) return dice.chance(0.5) ? dice.upTo(100) : dice.pick(strings)
  if (schema.type === 'integer') return dice.pick([0, 1, 2, 80, 443, 1000, 65_535, -1])
  if (schema.type === 'number') return dice.upTo(1000) / 8
  if (schema.type === 'boolean') return dice.chance(0.5)
  if (schema.type === 'array') return dice.some(depth > 4 ? 1 : 2, () => bySchema(dice, schema.items, deeper))
  if (schema.type === 'object' || schema.properties) return objectBySchema(dice, schema, deeper)
  if (schema.format === 'date-time') return '2026-01-01T00:00:00Z'
  if (schema.format === 'byte') return 'AAEC'
  return schema.type === undefined && dice.chance(0.3) ? {} : dice.pick(strings)
}

function objectBySchema(dice: Dice, { properties = {}, additionalProperties }: Schema, deeper: Walk): object {
  const made: Record<string, unknown> = {}
  const keys = Object.keys(properties)
  // Wide at the top, and sparse below: objects stay small.
  const share = deeper.depth <= 2 ? 0.7 : Math.min(0.5, 4 / (keys.length * deeper.depth))
  for (const key of keys) if (dice.chance(share)) made[key] = fieldBySchema(dice, key, { schema: properties[key], ...deeper })
  if (typeof additionalProperties === 'object') {
    for (const key of dice.some(2, () => dice.pick(names))) made[key] = bySchema(dice, additionalProperties, deeper)
  }
  return made
}

/** How many pods controllers make: 65,535 are a legal wish, and would keep them busy for the rest of the run. */
const counts = new Set(['replicas', 'parallelism', 'completions', 'minReplicas', 'maxReplicas'])

function fieldBySchema(dice: Dice, key: string, { schema, ...walk }: Walk & { schema: Schema | undefined }): unknown {
  return counts.has(key) ? dice.pick([0, 1, 2, 5, -1]) : bySchema(dice, schema, walk)
}

type Place = { readonly parent: any; readonly key: string | number; readonly schema: Schema | undefined }

/** Breaks some parts of a value; in place. */
export function mutate(
  dice: Dice,
  root: { value: unknown },
  { schema, schemas }: { schema: Schema | undefined; schemas: Schemas },
): void {
  for (let times = dice.pick([0, 0, 1, 1, 1, 2, 3, 5]); times > 0; times--) {
    const places: Place[] = []
    collect({ parent: root, key: 'value', schema }, { places, schemas, depth: 0 })
    // The root itself seldom: it leaves nothing to be checked.
    const at = places.length > 1 && !dice.chance(0.03) ? 1 + dice.upTo(places.length - 2) : 0
    change(dice, places[at] as Place, schemas)
  }
}

function collect(place: Place, walk: { readonly places: Place[]; readonly schemas: Schemas; readonly depth: number }): void {
  const { places, schemas, depth } = walk
  places.push(place)
  if (places.length > 400 || depth > 12) return
  const value = place.parent[place.key]
  if (typeof value !== 'object' || value === null) return
  const schema = resolve(place.schema, schemas)
  const deeper = { places, schemas, depth: depth + 1 }
  for (const key of Object.keys(value)) {
    const inner = Array.isArray(value) ? schema.items : (schema.properties?.[key] ?? schema.additionalProperties)
    collect({ parent: value, key, schema: typeof inner === 'object' ? inner : undefined }, deeper)
  }
}

function change(dice: Dice, { parent, key, schema }: Place, schemas: Schemas): void {
  const value = parent[key]
  const set = (next: unknown) => {
    Object.defineProperty(parent, key, { value: next, enumerable: true, configurable: true, writable: true })
  }
  const way = dice.upTo(9)
  if (way <= 2) return set(hostileValue(dice))
  if (way === 3 && parent.value !== value)
    return void (Array.isArray(parent) ? parent.splice(Number(key), 1) : delete parent[key])
  if (way === 4) return set(fieldBySchema(dice, String(key), { schema, schemas, depth: 2 }))
  if (Array.isArray(value)) {
    if (way === 5) return void value.push(...structuredClone(value))
    if (way === 6) return set(Array.from({ length: dice.pick([50, 300]) }, () => value[0] ?? hostileValue(dice)))
    return void value.push(bySchema(dice, resolve(schema, schemas).items, { schemas, depth: 2 }))
  }
  if (typeof value !== 'object' || value === null) return set(way === 5 ? [value] : way === 6 ? { a: value } : hostileValue(dice))
  const { properties = {} } = resolve(schema, schemas)
  const keys = Object.keys(properties)
  const name = way <= 7 && keys.length > 0 ? dice.pick(keys) : dice.pick(hostileKeys)
  const made = way <= 8 ? fieldBySchema(dice, name, { schema: properties[name], schemas, depth: 2 }) : hostileValue(dice)
  Object.defineProperty(value, name, { value: made, enumerable: true, configurable: true, writable: true })
}
