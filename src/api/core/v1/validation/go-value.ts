/** Structs as upstream shows them in errors: its internal types have Go's field names, and absent values are null. */

/** Go's field names in order, and ours where they differ by more than the first letter. */
export function goValue(
  value: object | undefined,
  fields: readonly string[],
  names: Readonly<Record<string, string>> = {},
): unknown {
  if (!value) return null
  const entries = fields.map((field) => {
    const name = names[field] ?? field[0]!.toLowerCase() + field.slice(1)
    return [field, (value as Record<string, unknown>)[name] ?? null]
  })
  return Object.fromEntries(entries)
}
