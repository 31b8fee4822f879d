/** What strict decoding complains about: fields that a schema does not have, in the order of the text. */
import type { Node } from './words.ts'

/** As `sigs.k8s.io/json`: more complaints are not kept. */
const maxReports = 100

/** `unknown field "spec.containers[0].foo"`, once each, at most 100. */
export function unknownFields(schema: Node, value: unknown): string[] {
  const found = new Set<string>()
  collect(schema, value, '', found)
  return [...found]
}

function collect(node: Node, value: unknown, path: string, found: Set<string>): void {
  if (typeof value !== 'object' || value === null || found.size >= maxReports) return
  if (node.type === 'list') {
    if (Array.isArray(value)) for (const [i, item] of value.entries()) collect(node.items, item, `${path}[${i}]`, found)
    return
  }
  if (Array.isArray(value) || (node.type !== 'object' && node.type !== 'map')) return
  // Go's unions read themselves, and not strictly.
  if (node.type === 'object' && node.alternative) return
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined || found.size >= maxReports) continue
    const here = path ? `${path}.${name}` : name
    if (node.type === 'map') collect(node.values, item, here, found)
    else if (Object.hasOwn(node.fields, name)) collect((node.fields[name] as { schema: Node }).schema, item, here, found)
    else if (!node.keepsUnknown) found.add(`unknown field "${here}"`)
  }
}
