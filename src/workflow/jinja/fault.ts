/** What is wrong with a template, and where. Thrown without a place by operations, which know none; the statement around them adds its own. */
export interface Place {
  /** Path or name of the template. */
  readonly template: string
  /** Counted from 1. */
  readonly line: number
  readonly column: number
}

export class Fault extends Error {
  place: Place | undefined

  constructor(message: string, place?: Place) {
    super(message)
    this.name = 'Fault'
    this.place = place
  }
}

/** Runs `use`; what it throws without a place is given this one. */
export function placed<T>(place: Place, use: () => T): T {
  try {
    return use()
  } catch (error) {
    if (error instanceof RangeError) throw new Fault('the template calls itself without end', place)
    if (error instanceof Fault) error.place ??= place
    throw error
  }
}
