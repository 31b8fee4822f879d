/** Which type may stand for which, and what type parameters stand for (cel-go `checker/types.go`). */
import { type CelType, Dyn, optionalOf } from './type.ts'

/** What type parameters have been found to be. */
export class Substitutions {
  readonly #found: Map<string, CelType>

  constructor(found: ReadonlyMap<string, CelType> = new Map()) {
    this.#found = new Map(found)
  }

  copy(): Substitutions {
    return new Substitutions(this.#found)
  }

  get({ kind, name }: CelType): CelType | undefined {
    return kind === 'param' ? this.#found.get(name) : undefined
  }

  set({ name }: CelType, type: CelType): void {
    this.#found.set(name, type)
  }
}

/** Whether the two can be the same type; may settle parameters, also where it answers no. */
export function assignable(found: Substitutions, a: CelType, b: CelType): boolean {
  if (b.kind === 'param') {
    const settled = found.get(b)
    if (settles(found, a, b)) return true
    if (settled) return false
  }
  if (a.kind === 'param') return settles(found, b, a)
  if (isWild(a) || isWild(b)) return true
  if (a.kind === 'null' || b.kind === 'null') return isNullable(a.kind === 'null' ? b : a)
  if (a.kind !== b.kind) return false
  switch (a.kind) {
    case 'object':
      return a === b || a.name === b.name
    case 'list':
    case 'map':
    case 'opaque':
      if (a.name !== b.name || a.params.length !== b.params.length) return false
      return a.params.every((one, i) => assignable(found, one, b.params[i] as CelType))
    default:
      return true
  }
}

function isWild({ kind }: CelType): boolean {
  return kind === 'dyn' || kind === 'error'
}

function isNullable({ kind }: CelType): boolean {
  return ['null', 'object', 'opaque', 'duration', 'timestamp', 'wrapper'].includes(kind)
}

/** Whether `type` can be what the parameter stands for. */
function settles(found: Substitutions, type: CelType, parameter: CelType): boolean {
  if (same(type, parameter)) return true
  const settled = found.get(parameter)
  if (!settled) {
    if (!isFreeOf(found, parameter, type)) return false
    found.set(parameter, type)
    return true
  }
  if (same(type, settled)) return true
  if (!assignable(found, type, settled)) return false
  const general = mostGeneral(type, settled)
  if (isFreeOf(found, parameter, general)) found.set(parameter, general)
  return true
}

function same(a: CelType, b: CelType): boolean {
  if (a === b) return true
  if (a.kind !== b.kind || a.name !== b.name || a.params.length !== b.params.length) return false
  return a.params.every((one, i) => same(one, b.params[i] as CelType))
}

/** Whether the parameter does not occur in the type, which would make it endless. */
function isFreeOf(found: Substitutions, parameter: CelType, type: CelType): boolean {
  if (same(parameter, type)) return false
  if (type.kind === 'param') {
    const settled = found.get(type)
    return !settled || isFreeOf(found, parameter, settled)
  }
  return type.params.every((one) => isFreeOf(found, parameter, one))
}

export function mostGeneral(a: CelType, b: CelType): CelType {
  return isNoMoreSpecific(a, b) ? a : b
}

function isNoMoreSpecific(a: CelType, b: CelType): boolean {
  if (a.kind === 'dyn' || a.kind === 'param') return true
  if (b.kind === 'dyn' || b.kind === 'param') return false
  if (a.kind !== b.kind || a.name !== b.name || a.params.length !== b.params.length) return false
  return a.kind === 'type' || a.params.every((one, i) => isNoMoreSpecific(one, b.params[i] as CelType))
}

/** The type with what is known about its parameters; those of which nothing is known become dyn where `toDyn`. */
export function substitute(found: Substitutions, type: CelType, toDyn: boolean): CelType {
  const settled = found.get(type)
  if (settled) return substitute(found, settled, toDyn)
  if (type.kind === 'param') return toDyn ? Dyn : type
  if (type.params.length === 0) return type
  let changed = false
  const params = type.params.map((one) => {
    const now = substitute(found, one, toDyn)
    changed ||= now !== one
    return now
  })
  return changed ? { ...type, params } : type
}

/** A signature with parameters of its own in place of the declared ones. */
export function freshen(args: CelType[], result: CelType, fresh: () => CelType): { args: CelType[]; result: CelType } {
  const found = new Substitutions()
  const known = new Set<string>()
  const visit = (type: CelType): void => {
    if (type.kind === 'param' && !known.has(type.name)) {
      known.add(type.name)
      found.set(type, fresh())
    }
    type.params.forEach(visit)
  }
  args.forEach(visit)
  visit(result)
  if (known.size === 0) return { args, result }
  return { args: args.map((arg) => substitute(found, arg, false)), result: substitute(found, result, false) }
}

export function unwrapOptional(type: CelType): { type: CelType; optional: boolean } {
  const optional = type.kind === 'opaque' && type.name === optionalOf(Dyn).name
  return optional ? { type: type.params[0] ?? Dyn, optional } : { type, optional }
}
