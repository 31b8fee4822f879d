/**
 * Keeps `metadata.managedFields` at every write: who writes, in which version, through which subresource, and what became of the fields
 * (upstream's FieldManager as its handlers use it).
 */
import { formatTime } from '#lib/clock.ts'
import { decode } from '#schema/decode.ts'
import { empty, type FieldSet, fieldSet } from '#schema/field-set.ts'
import type { Kind, KubeObject } from '#schema/kind.ts'
import { managersAfterCreate } from '#schema/managed-create.ts'
import { decodeManaged, encodeManaged, type Managers, type Versions, type Writer } from '#schema/managed-fields.ts'
import { managersAfterUpdate } from '#schema/managed-update.ts'
import type { ManagedFieldsEntry } from '#schema/object-meta.ts'
import { shapeOf } from '#schema/typed.ts'
import { sameJson } from './same-json.ts'
import { storedKindOf } from './storage.ts'
import type { WriteContext } from './write-context.ts'

const noManagers: Managers = new Map()

/**
 * Gives `object`, which belongs to the caller, the entries that it has after this write; `live` is absent on create. What the client
 * sent as managedFields counts only as far as upstream lets it: a list of one empty entry, or of none, clears.
 */
export function trackWrite(context: WriteContext, object: KubeObject, live: KubeObject | undefined): void {
  const { metadata } = object
  const sent = metadata.managedFields
  const known = live?.metadata.managedFields
  setEntries(metadata, known)
  try {
    const managers = managersBefore(sent, known, context.subresource !== '')
    if (managers.size === 0 && live) return setEntries(metadata, undefined)
    const next = managersAfter(context, { object, live, managers })
    if (next !== managers || managers !== managersOf(known)) setEntries(metadata, encodeManaged(next))
  } catch {
    // A value that fits no schema: validation has the better words for it.
    setEntries(metadata, undefined)
  }
}

interface Write {
  readonly object: KubeObject
  readonly live: KubeObject | undefined
  readonly managers: Managers
}

function managersAfter(context: WriteContext, { object, live, managers }: Write): Managers {
  const versions = versionsOf(context)
  const writer = writerOf(context)
  if (live) return managersAfterUpdate(versions, { live, object, managers, writer })
  const zero = zeroObject(context.kind)
  if (managers.size === 0) return managersAfterCreate(versions, { zero, object, writer })
  return managersAfterUpdate(versions, { live: zero, object, managers, writer })
}

function setEntries(metadata: KubeObject['metadata'], entries: ManagedFieldsEntry[] | undefined): void {
  if (entries) metadata.managedFields = entries
  else delete metadata.managedFields
}

function managersBefore(
  sent: ManagedFieldsEntry[] | undefined,
  known: ManagedFieldsEntry[] | undefined,
  isSubresource: boolean,
): Managers {
  if (isSubresource || sent === undefined || sent === known) return validManagers(known)
  if (clears(sent)) return noManagers
  if (sameJson(sent, known)) return validManagers(known)
  const managers = validManagers(sent)
  return managers.size > 0 ? managers : validManagers(known)
}

function clears(entries: readonly ManagedFieldsEntry[]): boolean {
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] as object).length === 0)
}

const decoded = new WeakMap<readonly ManagedFieldsEntry[], Managers>()

/** Of entries that are never changed. Throws where they are not valid. */
export function managersOf(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  if (!entries) return noManagers
  let managers = decoded.get(entries)
  if (!managers) decoded.set(entries, (managers = decodeManaged(entries)))
  return managers
}

function validManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers {
  try {
    return managersOf(entries)
  } catch {
    return noManagers
  }
}

export function writerOf({ kind, subresource, options, request, registry }: WriteContext): Writer {
  const { fieldManager } = options
  return {
    manager: typeof fieldManager === 'string' && fieldManager ? fieldManager : programOf(request.headers['user-agent'] ?? ''),
    apiVersion: kind.apiVersion,
    subresource,
    time: formatTime(registry.clock.now()),
  }
}

/** Upstream's `FieldManagerMaxLength`. */
const maxManager = 128

const programs = new Map<string, string>()
const mostPrograms = 256

/** What stands before the first slash of a User-Agent, as far as it can be printed and is short enough. */
export function programOf(userAgent: string): string {
  let name = programs.get(userAgent)
  if (name === undefined) {
    // Few programs write most of what is written.
    if (programs.size >= mostPrograms) programs.clear()
    programs.set(userAgent, (name = readProgram(userAgent)))
  }
  return name
}

function readProgram(userAgent: string): string {
  let name = ''
  let length = 0
  for (const letter of userAgent.split('/')[0] as string) {
    if (letter !== ' ' && !/^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(letter)) continue
    length += Buffer.byteLength(letter)
    if (length > maxManager) break
    name += letter
  }
  return name
}

const zeros = new WeakMap<Kind, KubeObject>()

/** What an object is before it is created; shared. */
export function zeroObject(kind: Kind): KubeObject {
  let zero = zeros.get(kind)
  if (!zero) {
    zero = decode(kind.schema, { apiVersion: kind.apiVersion, kind: kind.kind }) as KubeObject
    zeros.set(kind, zero)
  }
  return zero
}

export function versionsOf({ kind, subresource, registry }: WriteContext): Versions {
  return {
    shape: shapeOf(kind.schema),
    reset: resetFields(kind, subresource),
    convert: (object, apiVersion) => {
      const other = registry.kinds.byName(apiVersion, kind.kind)
      if (!other || storedKindOf(other) !== storedKindOf(kind)) return undefined
      const shape = shapeOf(other.schema)
      return { shape, value: other === kind ? object : convert(object, kind, other) }
    },
  }
}

function convert(object: unknown, from: Kind, to: Kind): unknown {
  const whole = decode(from.schema, object)
  const stored = from.def.storedAs ? from.def.storedAs.toStored(whole) : whole
  const value = to.def.storedAs ? to.def.storedAs.fromStored(stored) : stored
  return { ...(value as object), apiVersion: to.apiVersion, kind: to.kind }
}

const resets = new WeakMap<Kind, Map<string, FieldSet>>()

/** What a write to this part sets back to what it was, so that nobody comes to own it (upstream's `GetResetFields`). */
function resetFields(kind: Kind, subresource: string): FieldSet {
  let bySubresource = resets.get(kind)
  if (!bySubresource) resets.set(kind, (bySubresource = new Map()))
  let set = bySubresource.get(subresource)
  if (!set) bySubresource.set(subresource, (set = makeReset(kind, subresource)))
  return set
}

function makeReset(kind: Kind, subresource: string): FieldSet {
  const name = `${kind.plural}/${subresource}`
  if (subresource === '' || name === 'namespaces/finalize') return kind.def.status ? fieldSet(['f:status']) : empty
  if (subresource === 'status') return fieldSet(...rootsBeside(kind, [...always, 'status']), ...(alsoReset(kind) ?? []))
  const parts = partsOf[name]
  if (!parts) return empty
  const { spec } = kind.schema.fields
  const fields = spec?.schema.type === 'object' ? Object.keys(spec.schema.fields) : []
  const others = fields.filter((field) => !parts.includes(field)).map((field) => ['f:spec', `f:${field}`])
  return fieldSet(['f:metadata'], ['f:status'], ...others)
}

const always = ['apiVersion', 'kind', 'metadata']

function rootsBeside({ schema }: Kind, kept: readonly string[]): string[][] {
  return Object.keys(schema.fields)
    .filter((field) => !kept.includes(field))
    .map((field) => [`f:${field}`])
}

/** Metadata that a write of the status leaves alone. */
function alsoReset({ kind, schema }: Kind): string[][] | undefined {
  if (schema.json) return [['f:metadata']]
  if (kind === 'Deployment') return [['f:metadata', 'f:labels']]
  if (resetsMetadata.has(kind)) return [['f:metadata']]
  if (kind !== 'Pod') return undefined
  return [
    ['f:metadata', 'f:deletionTimestamp'],
    ['f:metadata', 'f:ownerReferences'],
  ]
}

/** CustomResourceDefinition is not among them, since its status writes metadata (kubernetes#137681). */
const resetsMetadata = new Set([
  ...['APIService', 'FlowSchema', 'PriorityLevelConfiguration', 'ValidatingAdmissionPolicy', 'VolumeAttachment'],
  ...['DeviceTaintRule', 'PodGroup', 'ResourcePoolStatusRequest', 'StorageVersionMigration'],
])

/** Fields of the spec that such a subresource is about. */
const partsOf: Readonly<Record<string, readonly string[]>> = {
  'pods/ephemeralcontainers': ['ephemeralContainers'],
  'pods/resize': ['containers', 'initContainers'],
}
