/** A further version of a kind: the same fields under another name, kept in the store in the form of the first. */
import type { Kind, KubeObject } from '#schema/kind.ts'
import type { Field, Node, ObjectNode } from '#schema/words.ts'

/**
 * `atVersion(IPAddress, 'v1beta1')`. Structs of the kind's own version are called by the new one; everything else is shared:
 * defaults, rules, columns.
 */
export function atVersion<Name extends string, T extends KubeObject>(
  kind: Kind<Name, T>,
  version: string,
  lifecycle?: Lifecycle,
): Kind<Name, T> {
  const { def, group } = kind
  const apiVersion = `${group}/${version}`
  const prefix = def.schemaName.slice(0, def.schemaName.lastIndexOf('.') + 1)
  const renamed = `${prefix.split('.').slice(0, -2).join('.')}.${version}.`
  const rename = renamer(prefix, renamed)
  return {
    ...kind,
    version,
    apiVersion,
    def: {
      ...def,
      version,
      ...(lifecycle && { deprecation: warningOf(`${apiVersion} ${def.kind}`, lifecycle) }),
      schemaName: def.schemaName.replace(prefix, renamed),
      storedAs: {
        kind: () => kind,
        toStored: (object: T) => ({ ...object, apiVersion: kind.apiVersion }),
        fromStored: (stored: T) => ({ ...stored, apiVersion }),
      },
    },
    schema: rename(kind.schema) as Kind<Name, T>['schema'],
  }
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

function renamer(from: string, to: string): (node: Node) => Node {
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
    return made
  }
  return rename
}
