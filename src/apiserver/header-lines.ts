/** Header lines one by one: what Node joins with commas cannot be told from values that hold commas themselves. */
import type { Request } from './request.ts'

export type HeaderSource = Pick<Request, 'headers' | 'rawHeaders'>

/** The values of all lines of that name, in the order in which they came; `name` in lower case. */
export function headerLines({ headers, rawHeaders }: HeaderSource, name: string): string[] {
  const joined = headers[name]
  if (joined === undefined) return []
  if (!rawHeaders) return [joined]
  const values: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if ((rawHeaders[i] as string).toLowerCase() === name) values.push(asText(rawHeaders[i + 1] as string))
  }
  return values
}

/** The same for every name that begins with `prefix`, by what follows it. */
export function prefixedHeaderLines(source: HeaderSource, prefix: string): (readonly [rest: string, values: string[]])[] {
  const names = Object.keys(source.headers).filter((name) => name.startsWith(prefix))
  return names.map((name) => [name.slice(prefix.length), headerLines(source, name)] as const)
}

/** Node takes each byte for a character; names of people and groups are UTF-8, as Go reads them. */
function asText(value: string): string {
  return /[\u0080-\u00ff]/.test(value) ? Buffer.from(value, 'latin1').toString() : value
}

/** Keys of extra fields are percent-encoded in names of headers; one that is badly encoded is taken as it stands. */
export function unescapeExtraKey(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch {
    return key
  }
}
