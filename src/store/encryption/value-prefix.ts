/** What tells from outside how a value is stored: as it is, or by which provider and key. */

/** `/registry/pods` and `/registry/example.com/widgets` alike: enough to tell resources apart. */
export function resourceOf(key: string): string {
  const [, , first = '', second = ''] = key.split('/')
  return first.includes('.') ? `${first}/${second}` : first
}

export const mark = Buffer.from('k8s:enc:')
const colons = 5
const longest = 300

/** What an encrypted value begins with, the name of its key included: `k8s:enc:PROVIDER:VERSION:NAME:`; '' for others. */
export function prefixOf(value: Uint8Array): string {
  if (value[0] !== mark[0] || !mark.equals(value.subarray(0, mark.byteLength))) return ''
  let seen = 0
  let end = 0
  while (seen < colons && end < Math.min(value.byteLength, longest)) if (value[end++] === 58) seen++
  return Buffer.from(value.subarray(0, end)).toString('latin1')
}
