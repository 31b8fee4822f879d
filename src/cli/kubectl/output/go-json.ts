/** JSON as Go's encoding/json writes it: `<`, `>` and `&` escaped; keys in order for maps, as they stand for structs. */

export interface GoJsonOptions {
  /** Of one level; '' writes everything on one line. */
  readonly indent?: string
  /** Keys in byte order, as Go writes maps. */
  readonly sorted?: boolean
  /** What encoding/json does unless told otherwise. */
  readonly escapeHtml?: boolean
}

export function goJson(value: unknown, { indent = '    ', sorted = true, escapeHtml = true }: GoJsonOptions = {}): string {
  return write(value, '', { indent, sorted, escapeHtml })
}

function write(value: unknown, at: string, options: Required<GoJsonOptions>): string {
  if (typeof value === 'string') return quote(value, options.escapeHtml)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return number(value)
  const { indent } = options
  const inner = at + indent
  const colon = indent ? ': ' : ':'
  const parts = Array.isArray(value)
    ? value.map((one) => write(one, inner, options))
    : keysOf(value, options.sorted).map(
        (key) => `${quote(key, options.escapeHtml)}${colon}${write((value as any)[key], inner, options)}`,
      )
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  if (parts.length === 0) return `${open}${close}`
  return indent ? `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${at}${close}` : `${open}${parts.join(',')}${close}`
}

function number(value: unknown): string {
  if (typeof value !== 'number') return JSON.stringify(value) ?? 'null'
  return JSON.stringify(value).replace(/e([+-])(\d)$/, 'e$10$2')
}

function keysOf(value: object, sorted: boolean): string[] {
  const keys = Object.keys(value).filter((key) => (value as any)[key] !== undefined)
  return sorted ? keys.sort(byteOrder) : keys
}

/** The same value with the keys of all its objects in byte order. */
export function withSortedKeys<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withSortedKeys) as T
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => byteOrder(a, b))
  return Object.fromEntries(entries.map(([key, inner]) => [key, withSortedKeys(inner)])) as T
}

export function byteOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function quote(text: string, escapeHtml: boolean): string {
  const quoted = JSON.stringify(text).replace(/[\u2028\u2029]/g, (one) => `\\u${one.charCodeAt(0).toString(16)}`)
  if (!escapeHtml) return quoted
  return quoted.replace(/[<>&]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`)
}
