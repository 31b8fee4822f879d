/** Server-side apply of one object: what it becomes, and who then manages what (`merge.Updater.Apply`). */
import { mergeTyped, removeItems, withNamedFields } from './apply.ts'
import {
  difference,
  empty,
  type FieldSet,
  intersection,
  isEmpty,
  isSubset,
  recursiveDifference,
  sameSet,
  sharedSet,
  union,
} from './field-set.ts'
import { identityOf, type Managed, type Managers, type Versions, type Writer } from './managed-fields.ts'
import { apiVersionOf, comparison, reconcileAll, unowned, withoutTaken } from './managed-update.ts'
import type { Shape } from './typed.ts'
import { equalValues } from './typed-compare.ts'
import { fieldSetOf } from './typed-walk.ts'

export interface Application {
  readonly live: unknown
  readonly applied: unknown
  readonly managers: Managers
  readonly writer: Writer
  readonly force: boolean
}

export interface Applied {
  /** Undefined: the object stays as it is. */
  readonly object: unknown
  readonly managers: Managers
}

/** Throws ApplyConflict, and TypedError where the two do not go together. */
export function applyTyped(versions: Versions, { live, applied, managers, writer, force }: Application): Applied {
  const { shape, reset } = versions
  const { manager, apiVersion, subresource, time } = writer
  const entry = { manager: manager || 'unknown', operation: 'Apply', apiVersion, subresource } as const
  const id = identityOf(entry)
  const current = new Map(reconcileAll(versions, live, managers))
  const last = current.get(id)
  const merged = mergeTyped(shape, live, applied)
  const set = recursiveDifference(fieldSetOf(shape, applied), reset)
  current.set(id, { ...entry, time: last?.time, set })
  const object = prune(versions, { merged, managers: current, last, set })
  const compare = comparison(versions, live, object)
  const next = withoutTaken(versions, { live, object, managers: current, writer: id, compare, refuses: !force })
  const owned = difference(set, unowned)
  const isSame = equalValues(live, object)
  if (isEmpty(owned)) next.delete(id)
  else
    next.set(id, {
      ...entry,
      time: isSame ? last?.time : time,
      set: last && sameSet(last.set, owned) ? last.set : sharedSet(owned),
    })
  return { object: isSame ? undefined : object, managers: next }
}

interface Pruning {
  readonly merged: unknown
  readonly managers: Managers
  readonly last: Managed | undefined
  readonly set: FieldSet
}

/** Removes what the applier owned and no longer names, unless somebody else does. */
function prune(versions: Versions, { merged, managers, last, set }: Pruning): unknown {
  if (!last || isEmpty(last.set)) return merged
  const own = apiVersionOf(merged)
  if (last.apiVersion === own && isSubset(last.set, set)) return merged
  const start = inVersion(versions, merged, last.apiVersion)
  if (!start) return merged
  let pruned = removeItems(start.shape, start.value, withNamedFields(start.shape, last.set))
  pruned = addBackOwned(versions, { start, pruned, version: last.apiVersion, managers })
  const result = addBackDangling(versions, { start, pruned, last })
  return inVersion(versions, result, own)?.value ?? result
}

interface Versioned {
  readonly shape: Shape
  readonly value: unknown
}

function inVersion(versions: Versions, object: unknown, apiVersion: string): Versioned | undefined {
  if (apiVersionOf(object) === apiVersion) {
    const own = versions.convert(object, apiVersion)
    return own ?? { shape: versions.shape, value: object }
  }
  return versions.convert(object, apiVersion)
}

interface AddingBack {
  readonly start: Versioned
  readonly pruned: unknown
  readonly version: string
  readonly managers: Managers
}

function addBackOwned(versions: Versions, { start, pruned: first, version, managers }: AddingBack): unknown {
  const byVersion = new Map<string, FieldSet>()
  for (const { apiVersion, set } of managers.values()) byVersion.set(apiVersion, union(byVersion.get(apiVersion) ?? empty, set))
  const order = [...byVersion.keys()].sort((a, b) => Number(b === version) - Number(a === version))
  let merged = start.value
  let pruned = first
  for (const apiVersion of order) {
    const [whole, part] = [inVersion(versions, merged, apiVersion), inVersion(versions, pruned, apiVersion)]
    if (!whole || !part) continue
    const managed = withNamedFields(whole.shape, byVersion.get(apiVersion) as FieldSet)
    const kept = union(withNamedFields(whole.shape, fieldSetOf(whole.shape, part.value)), managed)
    const all = withNamedFields(whole.shape, fieldSetOf(whole.shape, whole.value))
    pruned = removeItems(whole.shape, whole.value, difference(all, kept))
    merged = whole.value
  }
  return pruned
}

/** What the applier's last set did not name is not removed with what it did. */
function addBackDangling(
  versions: Versions,
  { start, pruned, last }: { start: Versioned; pruned: unknown; last: Managed },
): unknown {
  const part = inVersion(versions, pruned, last.apiVersion)
  if (!part) return start.value
  const { shape, value } = start
  const gone = difference(withNamedFields(shape, fieldSetOf(shape, value)), withNamedFields(shape, fieldSetOf(shape, part.value)))
  return removeItems(shape, value, intersection(gone, withNamedFields(shape, last.set)))
}
