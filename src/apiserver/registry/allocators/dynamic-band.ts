/** How much at the start of a range is kept for values that people choose (KEP-3070, KEP-3668). */

export interface BandLimits {
  readonly min: number
  readonly max: number
  /** The band is this fraction of the range, within the limits. */
  readonly step: number
}

/** Size of the lower band, which automatic allocation uses only when the rest is full; 0 where the range is too small for one. */
export function staticBand(size: number, { min, max, step }: BandLimits): number {
  if (size <= min) return 0
  return Math.min(max, Math.max(min, Math.floor(size / step)))
}
