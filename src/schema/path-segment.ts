/** Names as steps of paths and keys: whoever builds a path from names that others wrote must not be led to another one. */
import { isPathSegmentName } from './formats.ts'
import { badRequest } from './status-error.ts'

/** Throws upstream's 400 (`NamespaceKeyFunc`) for `.`, `..`, and what holds a slash or a percent sign. */
export function requirePathSegment(what: 'Name' | 'Namespace', text: string): void {
  const problems = isPathSegmentName(text)
  if (problems.length > 0) throw badRequest(`${what} parameter invalid: ${JSON.stringify(text)}: ${problems.join(';')}`)
}
