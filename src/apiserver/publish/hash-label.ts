/** What must not be shown stands in labels as its hash: names of servers, ids of keys, configurations. */
import { createHash } from 'node:crypto'

/** `sha256:` and hexadecimal digits; nothing of nothing. */
export function hashLabel(text: string): string {
  return text === '' ? '' : `sha256:${createHash('sha256').update(text).digest('hex')}`
}
