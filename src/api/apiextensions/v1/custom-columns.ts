/** Columns of custom resources, read by JSONPath (apiextensions' `customresource/tableconvertor`). */
import { canonicalTime } from '#schema/go-time.ts'
import { jsonPath } from '#schema/json-path.ts'
import { ageOf, type Column, type KubeObject } from '#schema/kind.ts'
import { canonical } from '#schema/validate-json.ts'
import type { CustomResourceColumnDefinition } from './custom-resource-definition-spec.ts'

type Cell = ReturnType<Column<KubeObject>['value']>

/** Without columns of its own a custom resource shows its age. */
export function customColumns(definitions: readonly CustomResourceColumnDefinition[] | undefined): readonly Column<KubeObject>[] {
  const columns = definitions?.length
    ? definitions
    : [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: ageDoc }]
  return columns.map(columnOf)
}

const ageDoc =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata'

function columnOf({
  name,
  type,
  format,
  description,
  priority,
  jsonPath: path,
}: CustomResourceColumnDefinition): Column<KubeObject> {
  const find = finderOf(path)
  return {
    name,
    type: type as NonNullable<Column<KubeObject>['type']>,
    ...(format && { format }),
    ...(priority && { priority }),
    doc: description || `Custom resource definition column (in JSONPath format): ${path}`,
    value: (object, { now }) => {
      const [found] = find(object)
      return found === undefined ? null : cellOf(type, found, now)
    },
  }
}

/** A path that cannot be read shows nothing: the definition that has it stands. */
function finderOf(path: string): (object: unknown) => unknown[] {
  try {
    return jsonPath(path)
  } catch {
    return () => []
  }
}

function cellOf(type: string, value: unknown, now: number): Cell {
  if (type === 'string') return textOf(value)
  // Integers that a double cannot hold come as bigint, and are written whole.
  if (type === 'integer')
    return typeof value === 'number' ? Math.trunc(value) : typeof value === 'bigint' ? (value as never) : null
  if (type === 'number') return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null
  if (type === 'boolean') return typeof value === 'boolean' ? value : null
  if (type !== 'date' || typeof value !== 'string') return null
  return value === '' || value === 'null' ? ageOf(undefined, now) : isTime(value) ? ageOf(value, now) : '<invalid>'
}

function isTime(text: string): boolean {
  try {
    return canonicalTime(text) !== ''
  } catch {
    return false
  }
}

function textOf(value: unknown): Cell {
  if (value === null) return '<nil>'
  return typeof value === 'object' ? canonical(value) : String(value)
}
