/** Which plugins a request must pass. It follows from kind, operation and subresource, and is found out once for each. */
import type { Kind } from '#schema/kind.ts'
import type { AdmissionPlugin, AdmissionRequest, Place } from './plugin.ts'

type Step = NonNullable<AdmissionPlugin['mutate']>

export interface Concerned {
  readonly mutating: readonly Step[]
  readonly validating: readonly Step[]
}

type ByPlace = Record<string, Concerned>
type Table = WeakMap<Kind, ByPlace>

const tables = new WeakMap<readonly AdmissionPlugin[], Table>()

/** In the order of `plugins`, which is never changed. */
export function concernedBy(plugins: readonly AdmissionPlugin[], { kind, operation, subresource }: AdmissionRequest): Concerned {
  let table = tables.get(plugins)
  if (!table) tables.set(plugins, (table = new WeakMap()))
  let places = table.get(kind)
  if (!places) table.set(kind, (places = Object.create(null) as ByPlace))
  const key = subresource === '' ? operation : `${operation} ${subresource}`
  return (places[key] ??= select(plugins, { kind, operation, subresource }))
}

function select(plugins: readonly AdmissionPlugin[], place: Place): Concerned {
  const concerned = plugins.filter((plugin) => plugin.handles(place))
  return {
    mutating: concerned.flatMap((plugin) => plugin.mutate?.bind(plugin) ?? []),
    validating: concerned.flatMap((plugin) => plugin.validate?.bind(plugin) ?? []),
  }
}
