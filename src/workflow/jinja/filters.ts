/** Every filter and test by its name. */
import { Fault } from './fault.ts'
import type { Engine, Filter } from './filter.ts'
import { predicatesFor } from './predicates.ts'
import { sequenceFilters } from './sequence-filters.ts'
import { textFilters } from './text-filters.ts'

export const filters: Readonly<Record<string, Filter>> = { ...textFilters, ...sequenceFilters }
export const predicates = predicatesFor(filters)

export const engine: Engine = {
  filter(name, value, args) {
    const found = Object.hasOwn(filters, name) ? filters[name] : undefined
    if (!found) throw new Fault(`No filter named '${name}'.`)
    return found(value, args, engine)
  },
  test(name, value, args) {
    const found = Object.hasOwn(predicates, name) ? predicates[name] : undefined
    if (!found) throw new Fault(`No test named '${name}'.`)
    return found(value, args)
  },
}
