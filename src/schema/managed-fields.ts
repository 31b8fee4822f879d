/**
 * `metadata.managedFields` read and written: who manages which fields of an object. What becomes of them stands in `managed-update.ts` and
 * `managed-apply.ts`. Rules and texts are those of apimachinery's managedfields.
 */
import { compareText, type FieldSet, keptText, parseFieldSet, sharedSet, sharedSetOf } from './field-set.ts'
import type { ManagedFieldsEntry } from './object-meta.ts'
import type { Shape } from './typed.ts'

/** One manager's fields. Entries are never changed. */
export interface Managed {
  readonly manager: string
  readonly operation: 'Apply' | 'Update'
  readonly apiVersion: string
  readonly subresource: string
  readonly time: string | undefined
  readonly set: FieldSet
}

/** By who they are: see `identityOf`. */
export type Managers = ReadonlyMap<string, Managed>

/** Who writes now. */
export interface Writer {
  readonly manager: string
  readonly apiVersion: string
  readonly subresource: string
  /** As it is stored: to the second. */
  readonly time: string
}

/** How a kind looks in its versions. */
export interface Versions {
  readonly shape: Shape
  /** The object in another version; undefined where that is not served. */
  convert(object: unknown, apiVersion: string): { readonly shape: Shape; readonly value: unknown } | undefined
  /** What the strategy sets back: nobody comes to own it by this write. */
  readonly reset: FieldSet
}

/** As upstream's `BuildManagerIdentifier`: appliers are the same in every version. */
export function identityOf({ manager, operation, apiVersion, subresource }: Omit<Managed, 'set' | 'time'>): string {
  return JSON.stringify({
    manager: manager || undefined,
    operation,
    apiVersion: operation === 'Apply' ? undefined : apiVersion,
    subresource: subresource || undefined,
  })
}

const parsedSets = new WeakMap<object, FieldSet>()

/** Throws with upstream's text where an entry is not valid. */
export function decodeManaged(entries: readonly ManagedFieldsEntry[] = []): Managers {
  const managers = new Map<string, Managed>()
  entries.forEach(({ manager = '', operation, apiVersion = '', subresource = '', time, fieldsType = '', fieldsV1 }, i) => {
    if (operation !== 'Apply' && operation !== 'Update') throw new Error('operation must be `Apply` or `Update`')
    if (apiVersion === '') throw new Error('apiVersion must not be empty')
    if (fieldsType === '') throw new Error(`missing fieldsType in managed fields entry ${i}`)
    if (fieldsType !== 'FieldsV1')
      throw new Error(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${i}`)
    const entry: Managed = { manager, operation, apiVersion, subresource, time, set: setOf(fieldsV1) }
    managers.set(identityOf(entry), entry)
  })
  return managers
}

function setOf(value: unknown): FieldSet {
  if (typeof value !== 'object' || value === null) return parseFieldSet(value)
  let set = parsedSets.get(value)
  if (!set) {
    set = sharedSetOf(JSON.stringify(value)) ?? sharedSet(parseFieldSet(value))
    parsedSets.set(value, set)
  }
  return set
}

/** Entries as they are stored: appliers first, then by time, name and version. Undefined: none. */
export function encodeManaged(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined
  return [...managers.values()].sort(byAge).map(({ manager, operation, apiVersion, subresource, time, set }) => {
    parsedSets.set(set, set)
    return {
      ...(manager && { manager }),
      ...{ operation, apiVersion },
      ...(time && { time }),
      ...{ fieldsType: 'FieldsV1', fieldsV1: set },
      ...(subresource && { subresource }),
    }
  })
}

/** The JSON of entries whose sets have their texts ready; undefined where one has not. */
export function readyText(entries: readonly ManagedFieldsEntry[]): string | undefined {
  let text = ''
  for (const { fieldsV1, subresource, ...entry } of entries) {
    const set = keptText(fieldsV1 as FieldSet)
    if (set === undefined) return undefined
    const tail = subresource === undefined ? '' : `,"subresource":${JSON.stringify(subresource)}`
    text += `${text && ','}${JSON.stringify(entry).slice(0, -1)},"fieldsV1":${set}${tail}}`
  }
  return `[${text}]`
}

function byAge(a: Managed, b: Managed): number {
  return (
    compareText(a.operation, b.operation) ||
    secondsOf(a) - secondsOf(b) ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  )
}

/** 0 where there is none. */
export function secondsOf({ time }: Managed): number {
  return time ? Math.floor(Date.parse(time) / 1000) : 0
}
