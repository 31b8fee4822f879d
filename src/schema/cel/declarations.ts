/** How functions are declared: what the checker and the planner know about them. */
import type { CelType } from './type.ts'
import { CelDuration, CelList, CelMap, CelOpaque, CelOptional, CelTimestamp, CelTypeValue, CelUint, type Meter } from './value.ts'

/** Arguments begin with the target, where there is one. Throws CelFailure. */
export type Run = (args: readonly any[], meter: Meter) => unknown

export interface Overload {
  /** cel-go's: costs go by it. */
  readonly id: string
  readonly member: boolean
  readonly args: readonly CelType[]
  readonly result: CelType
  readonly run: Run
}

export type Functions = Readonly<Record<string, readonly Overload[]>>

/** A global function's overload. */
export function global(id: string, args: readonly CelType[], result: CelType, run: Run): Overload {
  return { id, member: false, args, result, run }
}

/** An overload that is called on its first argument. */
export function member(id: string, args: readonly CelType[], result: CelType, run: Run): Overload {
  return { id, member: true, args, result, run }
}

/** Whether a value may stand where this type is declared; elements are not looked at. */
export function fits(type: CelType, value: unknown): boolean {
  switch (type.kind) {
    case 'int':
      return typeof value === 'bigint'
    case 'string':
      return typeof value === 'string'
    case 'bool':
      return typeof value === 'boolean'
    case 'double':
      return typeof value === 'number'
    case 'uint':
      return value instanceof CelUint
    case 'list':
      return value instanceof CelList
    case 'map':
      return value instanceof CelMap
    case 'bytes':
      return value instanceof Uint8Array
    case 'timestamp':
      return value instanceof CelTimestamp
    case 'duration':
      return value instanceof CelDuration
    case 'null':
      return value === null
    case 'type':
      return value instanceof CelTypeValue
    case 'object':
    case 'opaque':
      if (type.name === 'optional_type') return value instanceof CelOptional
      return value instanceof CelOpaque ? value.type.name === type.name : type.kind === 'object' && value instanceof CelMap
    default:
      return true
  }
}
