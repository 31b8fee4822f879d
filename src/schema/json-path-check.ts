/** Paths of fields in definitions of custom resources: `.spec.host`, `.spec['a.b']`; upstream's `ValidFieldPath`. */
import { type JsonSchema, valuesOf } from './json-schema.ts'

export interface CheckedPath {
  /** As errors show it, such as `spec.host` or `labels[app]`. */
  readonly path: string
  /** Its first part. */
  readonly first: string
  /** The schema of the field. */
  readonly schema: JsonSchema | undefined
}

/** Undefined where the schema knows no such field. */
export function checkedPath(text: string, schema: JsonSchema): CheckedPath | undefined {
  const found = parsePath(text, schema)
  return typeof found === 'string' ? undefined : found
}

/** What the path means, or what is wrong with it. */
export function parsePath(text: string, schema: JsonSchema, allowsBrackets = true): CheckedPath | string {
  const tokens = tokensOf(text)
  let here: JsonSchema | undefined = schema
  let path = ''
  let first = ''
  for (let at = 0; at < tokens.length; ) {
    const token = tokens[at] as string
    if (token !== '[' && token !== '.') return `expected [ or . but got: ${token}`
    if (token === '[' && !allowsBrackets) return 'array notation is not allowed'
    const next = tokens[at + 1]
    if (next === undefined) return 'unexpected end of JSON path'
    const name = token === '[' ? unquoted(next) : { name: next }
    if (typeof name === 'string') return name
    if (!here?.properties && here?.additionalProperties === undefined) return 'does not refer to a valid field'
    if (here.properties) {
      if (!Object.hasOwn(here.properties, name.name)) return 'does not refer to a valid field'
      path = path ? `${path}.${name.name}` : name.name
      here = here.properties[name.name]
    } else {
      path = `${path}[${name.name}]`
      here = valuesOf(here)
    }
    first ||= name.name
    at += 2
    if (token === '.') continue
    if (tokens[at] === undefined) return 'unexpected end of JSON path'
    if (tokens[at] !== ']') return `expected ] but got ${tokens[at]}`
    at++
  }
  return { path, first, schema: here }
}

/** `.`, `[` and `]` stand alone; quoted text may hold them. */
function tokensOf(text: string): string[] {
  return text.match(/'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]']+|'/g) ?? []
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
}

function unquoted(token: string): { readonly name: string } | string {
  if (token.length < 2 || !token.startsWith("'") || !token.endsWith("'")) return `expected single quoted string but got ${token}`
  const wrong = /\\([^abfnrtv'\\])/.exec(token)
  if (wrong) return `invalid string literal: invalid escape char ${wrong[0]}`
  return { name: token.slice(1, -1).replaceAll(/\\(.)/g, (_, letter: string) => escapes[letter] as string) }
}
