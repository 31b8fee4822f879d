/** A further version of a kind: the same fields under another name, kept in the store in the form of the first. */
import type { Definition, Kind, KubeObject } from '#schema/kind.ts'
import type { Field, Node, ObjectNode } from '#schema/words.ts'

/**
 * `atVersion(IPAddress, 'v1beta1')`. Structs of the kind's own version are called by the new one; everything else is shared:
 * defaults, rules, columns.
 */
export function atVersion<Name extends string, T extends KubeObject>(
  kind: Kind<Name, T>,
  version: string,
  { lifecycle, shape }: { readonly lifecycle?: Lifecycle; readonly shape?: OtherShape } = {},
): Kind<Name, T> {
  const { def, group } = kind
  const apiVersion = `${group}/${version}`
  const prefix = def.schemaName.slice(0, def.schemaName.lastIndexOf('.') + 1)
  const renamed = `${prefix.split('.').slice(0, -2).join('.')}.${version}.`
  const rename = renamer(prefix, { to: renamed, structs: shape?.structs ?? {} })
  const { toStored = same, fromStored = same } = shape ?? {}
  return {
    ...kind,
    version,
    apiVersion,
    def: {
      ...def,
      ...(shape && inStoredForm(def, shape)),
      version,
      ...(lifecycle && { deprecation: warningOf(`${apiVersion} ${def.kind}`, lifecycle) }),
      schemaName: def.schemaName.replace(prefix, renamed),
      storedAs: {
        kind: () => kind,
        toStored: (object: T) => ({ ...toStored(object), apiVersion: kind.apiVersion }),
        fromStored: (stored: T) => ({ ...fromStored(stored), apiVersion }),
      },
    },
    schema: rename(kind.schema) as Kind<Name, T>['schema'],
  }
}

/** Where a version has some of its fields in other places. */
export interface OtherShape {
  /** By the struct's name without its package: what it is in that version, made from what it is in the stored one. */
  readonly structs: Readonly<Record<string, (node: ObjectNode) => ObjectNode>>
  /** Both leave their argument as it is. */
  toStored<T>(object: T): T
  fromStored<T>(stored: T): T
}

function same<T>(object: T): T {
  return object
}

/** Defaults, rules and columns are those of the stored form, and see objects in it; paths of errors are of that form too, as upstream's. */
function inStoredForm<T extends KubeObject>(def: Definition<T>, { toStored, fromStored }: OtherShape): Partial<Definition<T>> {
  const changing = (change: ((object: T, ...more: any[]) => void) | undefined) => {
    if (!change) return undefined
    return (object: T, ...more: any[]) => {
      const stored = toStored(object)
      change(stored, ...more.map((one) => (isObject(one) ? toStored(one) : one)))
      Object.assign(object, fromStored(stored))
    }
  }
  const judging = <R>(judge: ((object: T, ...more: any[]) => R) | undefined) => {
    if (!judge) return undefined
    return (object: T, ...more: any[]) => judge(toStored(object), ...more.map((one) => (isObject(one) ? toStored(one) : one)))
  }
  const wrapped = {
    prepare: changing(def.prepare),
    prepareStatus: changing(def.prepareStatus),
    defaults: changing(def.defaults),
    validate: judging(def.validate),
    validateCreate: judging(def.validateCreate),
    validateUpdate: judging(def.validateUpdate),
    validateStatusUpdate: judging(def.validateStatusUpdate),
    warnings: judging(def.warnings),
    columns: def.columns?.map((column) => ({ ...column, value: judging(column.value) as typeof column.value })),
  }
  return Object.fromEntries(Object.entries(wrapped).filter(([, made]) => made !== undefined)) as Partial<Definition<T>>
}

/** Paths and contexts are passed on as they are. */
function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'metadata' in value
}

/** Minor versions of Kubernetes, and what is to be used instead (`zz_generated.prerelease-lifecycle.go`). */
export interface Lifecycle {
  readonly deprecated: number
  readonly removed: number
  readonly replacement?: string
}

/** As upstream's `deprecation.WarningMessage`. */
function warningOf(gvk: string, { deprecated, removed, replacement }: Lifecycle): string {
  return `${gvk} is deprecated in v1.${deprecated}+, unavailable in v1.${removed}+${replacement ? `; use ${replacement}` : ''}`
}

type Renaming = { readonly to: string; readonly structs: OtherShape['structs'] }

function renamer(from: string, { to, structs }: Renaming): (node: Node) => Node {
  const done = new Map<Node, Node>()
  const rename = (node: Node): Node => {
    if (node.type === 'list') return { ...node, items: rename(node.items) }
    if (node.type === 'map') return { ...node, values: rename(node.values) }
    if (node.type !== 'object' || !node.name.startsWith(from)) return node
    const known = done.get(node)
    if (known) return known
    const fields: Record<string, Field> = {}
    const made: ObjectNode = { ...node, name: node.name.replace(from, to), fields }
    // A struct that contains itself finds this entry.
    done.set(node, made)
    for (const [name, field] of Object.entries(node.fields)) fields[name] = { ...field, schema: rename(field.schema) }
    return Object.assign(made, structs[made.name.slice(to.length)]?.(made))
  }
  return rename
}
