/** Which release lacks a deprecated API: its warning says so, where it is known. */
export function removedRelease(deprecation: string): string {
  return /unavailable in v([\d.]+)/.exec(deprecation)?.[1] ?? ''
}
