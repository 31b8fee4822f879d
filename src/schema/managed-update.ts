/** Ownership after a write: who gains, who loses (structured-merge-diff's `merge.Updater`, apimachinery's managers around it). */
import { reconcile } from './apply.ts'
import {
  compareText,
  difference,
  empty,
  type FieldSet,
  fieldSet,
  intersection,
  isEmpty,
  recursiveDifference,
  sameSet,
  sharedSet,
  union,
} from './field-set.ts'
import { identityOf, type Managed, type Managers, secondsOf, type Versions, type Writer } from './managed-fields.ts'
import { type Comparison, compareTyped } from './typed-compare.ts'

/** Fields that nobody owns: what identifies the object, and what the server alone sets. */
export const unowned = fieldSet(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ...[
    'name',
    'namespace',
    'creationTimestamp',
    'selfLink',
    'uid',
    'clusterName',
    'generation',
    'managedFields',
    'resourceVersion',
  ].map((name) => ['f:metadata', `f:${name}`]),
)

/** Names of root fields that are reset whole, so that they need not be compared. */
export function resetRoots(reset: FieldSet): ReadonlySet<string> {
  let roots = rootsOf.get(reset)
  if (!roots) {
    roots = new Set(
      Object.keys(reset)
        .filter((element) => isEmpty(reset[element] as FieldSet))
        .map((element) => element.slice(2)),
    )
    rootsOf.set(reset, roots)
  }
  return roots
}

const rootsOf = new WeakMap<FieldSet, ReadonlySet<string>>()

export interface Update {
  readonly live: unknown
  readonly object: unknown
  readonly managers: Managers
  readonly writer: Writer
}

/** Upstream's tenfold limit of entries of updates. */
const maxUpdaters = 10

/**
 * What an update leaves: the writer owns what it added or changed, nobody what it removed. Answers `managers` itself where nothing
 * changes hands.
 */
export function managersAfterUpdate(versions: Versions, { live, object, managers, writer }: Update): Managers {
  const current = reconcileAll(versions, live, managers)
  const compare = comparison(versions, live, object)
  const { manager, apiVersion, subresource, time } = writer
  const entry = { manager: manager || 'unknown', operation: 'Update', apiVersion, subresource } as const
  const id = identityOf(entry)
  const next = withoutTaken(versions, { live, object, managers: current, writer: id, compare })
  const own = current.get(id)
  const gained = difference(union(compare.modified, compare.added), unowned)
  const set = sharedSet(union(difference(own?.set ?? empty, compare.removed), gained))
  if (isEmpty(set)) next.delete(id)
  else if (!isEmpty(gained) || !own || set !== own.set) next.set(id, { ...entry, time: isEmpty(gained) ? own?.time : time, set })
  if (!own) capUpdaters(next)
  return sameManagers(next, managers) ? managers : next
}

export function comparison({ shape, reset }: Versions, live: unknown, object: unknown): Comparison {
  const { added, modified, removed } = compareTyped(shape, live, object, resetRoots(reset))
  const filter = (set: FieldSet) => recursiveDifference(set, reset)
  return { added: filter(added), modified: filter(modified), removed: filter(removed) }
}

interface Taking extends Omit<Update, 'writer'> {
  /** Keeps what it has. */
  readonly writer: string | undefined
  readonly compare: Comparison
  /** Throws where somebody else owns what changed. */
  readonly refuses?: boolean
}

/** The managers without what was changed or removed under them. */
export function withoutTaken(versions: Versions, { live, object, managers, writer, compare, refuses = false }: Taking) {
  const next = new Map<string, Managed>()
  const compared = new Map<string, Comparison | undefined>()
  const conflicts = new Map<string, FieldSet>()
  for (const [id, entry] of managers) {
    if (id === writer) {
      next.set(id, entry)
      continue
    }
    const isOwn = entry.apiVersion === apiVersionOf(object)
    const { apiVersion } = entry
    if (!isOwn && !compared.has(apiVersion)) compared.set(apiVersion, compareIn(versions, apiVersion, [live, object]))
    const changes = isOwn ? compare : compared.get(apiVersion)
    if (!changes) continue
    const conflict = intersection(entry.set, union(changes.modified, changes.added))
    if (!isEmpty(conflict)) conflicts.set(id, conflict)
    const set = difference(difference(entry.set, conflict), changes.removed)
    if (!isEmpty(set)) next.set(id, set === entry.set ? entry : { ...entry, set: sharedSet(set) })
  }
  if (refuses && conflicts.size > 0) throw new ApplyConflict([...conflicts].map(([id, set]) => ({ id, set })))
  return next
}

export function apiVersionOf(object: unknown): string {
  return (object as { apiVersion?: string }).apiVersion ?? ''
}

function compareIn(versions: Versions, apiVersion: string, [live, object]: readonly [unknown, unknown]) {
  const left = versions.convert(live, apiVersion)
  const right = versions.convert(object, apiVersion)
  if (!left || !right) return undefined
  return comparison({ ...versions, shape: left.shape }, left.value, right.value)
}

/** Sets that speak of the inside of what is atomic by now are put right. Managers of versions that are gone stay until the comparison. */
export function reconcileAll(versions: Versions, live: unknown, managers: Managers): Managers {
  let next: Map<string, Managed> | undefined
  for (const [id, entry] of managers) {
    const isOwn = entry.apiVersion === apiVersionOf(live)
    const shape = isOwn ? versions.shape : versions.convert(live, entry.apiVersion)?.shape
    const set = shape ? reconcile(shape, entry.set) : entry.set
    if (set === entry.set) continue
    next ??= new Map(managers)
    next.set(id, { ...entry, set })
  }
  return next ?? managers
}

function sameManagers(a: Managers, b: Managers): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [id, entry] of a) {
    const other = b.get(id)
    if (!other || other.time !== entry.time || other.apiVersion !== entry.apiVersion || !sameSet(entry.set, other.set))
      return false
  }
  return true
}

/** The oldest entries of updates become one per version, until few enough are left. */
function capUpdaters(managers: Map<string, Managed>): void {
  const updaters = [...managers].filter(([, { operation }]) => operation === 'Update')
  if (updaters.length <= maxUpdaters) return
  updaters.sort(([a, x], [b, y]) => secondsOf(x) - secondsOf(y) || compareText(a, b))
  let count = updaters.length
  const first = new Map<string, string>()
  for (const [id, entry] of updaters) {
    if (count <= maxUpdaters) break
    const { apiVersion } = entry
    const bucket = { manager: 'ancient-changes', operation: 'Update', apiVersion, subresource: '' } as const
    const bucketId = identityOf(bucket)
    const oldest = first.get(apiVersion)
    if (oldest === undefined) {
      first.set(apiVersion, id)
      continue
    }
    if (!managers.has(bucketId)) {
      const set = managers.get(oldest)?.set ?? empty
      managers.delete(oldest)
      managers.set(bucketId, { ...bucket, time: entry.time, set })
    }
    const set = union(entry.set, managers.get(bucketId)?.set ?? empty)
    managers.delete(id)
    managers.set(bucketId, { ...bucket, time: entry.time, set })
    count--
  }
}

/** Each conflict is one manager and what it would lose. */
export class ApplyConflict extends Error {
  readonly conflicts: readonly { readonly id: string; readonly set: FieldSet }[]

  constructor(conflicts: readonly { readonly id: string; readonly set: FieldSet }[]) {
    super('the apply conflicts with what others manage')
    this.name = 'ApplyConflict'
    this.conflicts = [...conflicts].sort((a, b) => compareText(a.id, b.id))
  }
}
