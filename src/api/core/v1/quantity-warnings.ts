/** Warnings about amounts of bytes that are no whole number. */
import type { Path } from '#schema/field-error.ts'
import { canonicalQuantity, milliValue } from '#schema/quantity.ts'

const inBytes = ['memory', 'ephemeral-storage']

export function fractionWarnings(
  amounts: Readonly<Record<string, string>> | undefined,
  at: Path,
  names: readonly string[] = inBytes,
): string[] {
  if (!amounts) return []
  return names.flatMap((name) => {
    const amount = amounts[name]
    if (amount === undefined || milliValue(amount) % 1000 === 0) return []
    const shown = JSON.stringify(canonicalQuantity(amount))
    return [`${at.key(name)}: fractional byte value ${shown} is invalid, must be an integer`]
  })
}
