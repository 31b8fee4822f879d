/** How a check ends: every offence on a line, and a failing exit code when there is one. */
export function report(check: string, offences: readonly string[]): void {
  for (const offence of offences) console.error(offence)
  if (offences.length > 0) {
    console.error(`${check}: ${offences.length} offence${offences.length === 1 ? '' : 's'}`)
    process.exitCode = 1
  }
}
