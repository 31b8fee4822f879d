/** From client-side to server-side apply: what the old manager owned becomes the new one's (client-go's csaupgrade, as kubectl uses it). */
import { fieldSet, has, type Path, parseFieldSet, union } from '#schema/field-set.ts'
import type { ManagedFieldsEntry } from '#schema/object-meta.ts'
import { hasReason } from '#schema/status-error.ts'
import { lastApplied } from './last-applied.ts'
import type { Json } from './session.ts'

const annotation: Path = ['f:metadata', 'f:annotations', `f:${lastApplied}`]

/** The manager that `kubectl apply --server-side` has unless told otherwise. */
export const serverSideManager = 'kubectl'

export interface Migration {
  readonly manager: string
  get(): Promise<Json>
  patch(body: unknown, contentType: string, manager: string): Promise<Json>
  /** The apply once more. */
  apply(): Promise<Json>
  err(text: string): void
}

const mostTries = 5

const retried = 'This is non-fatal and will be retried next time you apply. Error:'

/** `object` is what the apply answered; answers the newest. What goes wrong is a warning: the apply itself has succeeded. */
export async function migrate(object: Json, migration: Migration): Promise<Json> {
  const warn = (what: string, error: unknown) => migration.err(`Warning: ${what}. ${retried} ${(error as Error).message}\n`)
  let current: Json
  try {
    current = await keepAnnotation(object, migration)
  } catch (error) {
    warn(`failed to migrate ${lastApplied} for Server-Side Apply`, error)
    return object
  }
  let migrated: Json | undefined
  try {
    migrated = await takeOver(current, migration)
  } catch (error) {
    warn('server rejected managed fields migration to Server-Side Apply', error)
    return current
  }
  if (!migrated) return current
  try {
    return await migration.apply()
  } catch (error) {
    warn('failed to re-apply configuration after performing Server-Side Apply migration', error)
    return migrated
  }
}

/** An applier of its own owns the annotation, which would go with the old manager. */
async function keepAnnotation(object: Json, { manager, patch }: Migration): Promise<Json> {
  const text = object.metadata?.annotations?.[lastApplied]
  if (manager !== serverSideManager || text === undefined || ownersOfAnnotation(object, 'Apply').length > 0) return object
  const { name, namespace } = object.metadata ?? {}
  const metadata = { name, ...(namespace && { namespace }), annotations: { [lastApplied]: text } }
  const body = { apiVersion: object.apiVersion, kind: object.kind, metadata }
  return patch(body, 'application/apply-patch+yaml', 'kubectl-last-applied')
}

async function takeOver(object: Json, { manager, get, patch }: Migration): Promise<Json | undefined> {
  const old = new Set(ownersOfAnnotation(object, 'Update').map((entry) => entry.manager ?? ''))
  for (let current = object, tries = 1; ; tries++) {
    const entries = upgraded(entriesOf(current), old, manager)
    if (!entries) return undefined
    const body = [
      { op: 'replace', path: '/metadata/managedFields', value: entries },
      { op: 'replace', path: '/metadata/resourceVersion', value: current.metadata?.resourceVersion },
    ]
    try {
      return await patch(body, 'application/json-patch+json', manager)
    } catch (error) {
      if (!hasReason(error, 'Conflict') || tries > mostTries) throw error
      current = await get()
    }
  }
}

function entriesOf({ metadata }: Json): readonly ManagedFieldsEntry[] {
  return (metadata as { managedFields?: ManagedFieldsEntry[] } | undefined)?.managedFields ?? []
}

function ownersOfAnnotation(object: Json, operation: 'Apply' | 'Update'): ManagedFieldsEntry[] {
  return entriesOf(object).filter((entry) => entry.operation === operation && has(parseFieldSet(entry.fieldsV1), annotation))
}

/** The entries with those of the old managers joined into the new one's; undefined where nothing changes. */
export function upgraded(
  entries: readonly ManagedFieldsEntry[],
  old: ReadonlySet<string>,
  manager: string,
): ManagedFieldsEntry[] | undefined {
  const isOld = (entry: ManagedFieldsEntry) => entry.operation === 'Update' && !entry.subresource && old.has(entry.manager ?? '')
  const given = entries.filter(isOld)
  const [first] = given
  if (!first) return undefined
  const isTarget = (entry: ManagedFieldsEntry) => entry.operation === 'Apply' && !entry.subresource && entry.manager === manager
  const target = entries.find(isTarget) ?? { ...first, manager, operation: 'Apply' }
  const sets = given.filter((entry) => entry.apiVersion === target.apiVersion).map((entry) => parseFieldSet(entry.fieldsV1))
  const fieldsV1 = sets.reduce(union, parseFieldSet(target.fieldsV1 ?? fieldSet()))
  return [{ ...target, fieldsV1 }, ...entries.filter((entry) => !isOld(entry) && !isTarget(entry))]
}
