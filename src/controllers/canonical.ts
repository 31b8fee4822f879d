/** Objects as text that does not depend on the order of keys: for hashes, and for comparing what was stored as raw JSON. */

/** Letters and digits that make no words (`rand.SafeEncodeString`). */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** JSON with sorted keys and without what is absent. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : JSON.stringify(value)
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`
}

/** A part of a name for these texts: FNV-1a over all of them, spelled without vowels. */
export function hashOf(...texts: readonly string[]): string {
  const sum = texts.reduce((seed, text) => fnv1a(text, seed), 0x811c9dc5)
  return [...String(sum)].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('')
}

function fnv1a(text: string, seed: number): number {
  let sum = seed
  for (const byte of Buffer.from(text)) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0
  return sum
}
