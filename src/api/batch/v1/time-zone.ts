/** Time zones by the names of the tz database. */

export function isTimeZone(name: string): boolean {
  // Offsets, which JavaScript takes as well, are no names.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
