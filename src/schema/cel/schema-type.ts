/** Types of built-in kinds, from the schemas that they are declared in; each schema is read once. */
import type { Node, ObjectNode } from '../words.ts'
import { escapeName } from './escape.ts'
import { Bool, type CelField, type CelType, Double, Dyn, Int, listOf, mapOf, Str } from './type.ts'

const known = new WeakMap<Node, CelType>()

/** Quantities, times and bytes are the text that they are in JSON, as upstream sees its own kinds. */
export function celTypeOfSchema(node: Node): CelType {
  const made = known.get(node)
  if (made) return made
  const type = typeOf(node)
  known.set(node, type)
  return type
}

function typeOf(node: Node): CelType {
  switch (node.type) {
    case 'object':
      return objectType(node)
    case 'list':
      return listOf(celTypeOfSchema(node.items))
    case 'map':
      return mapOf(Str, celTypeOfSchema(node.values))
    case 'boolean':
      return Bool
    case 'int32':
    case 'int64':
      return Int
    case 'double':
      return Double
    case 'intOrString':
    case 'raw':
      return Dyn
    default:
      return Str
  }
}

/** Fields are looked up when they are wanted: schemas such as JSONSchemaProps contain themselves. */
function objectType({ name, fields, keepsUnknown }: ObjectNode): CelType {
  if (keepsUnknown && Object.keys(fields).length === 0) return Dyn
  let made: Map<string, CelField> | undefined
  return {
    kind: 'object',
    name: name || 'object',
    params: [],
    get fields() {
      made ??= new Map(
        Object.entries(fields).flatMap(([jsonName, field]): [string, CelField][] => {
          const escaped = escapeName(jsonName)
          const required = field.presence === 'required' || field.presence === 'always'
          return escaped === undefined ? [] : [[escaped, { type: celTypeOfSchema(field.schema), jsonName, required }]]
        }),
      )
      return made
    },
  }
}
